#include "ring.h"
#include "maps.h"
