#include <damon/report.h>
#include "page_scan.h"
#include "uffd.h"
