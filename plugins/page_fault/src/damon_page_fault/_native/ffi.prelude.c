#include <damon/report.h>
#include "page_scan.h"
#include "uffd.h"
#include "fault_cost.h"
#include "frames.h"
#include "page_set.h"
