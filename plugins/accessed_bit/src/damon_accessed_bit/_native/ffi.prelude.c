#include <damon/report.h>
#include "light_skeleton.h"
#include "page_idle.h"
#include "page_words.h"
#include "smaps.h"
