#include <damon/report.h>
#include "light_skeleton.h"
