#include <damon/report.h>
#include "uffd.h"
