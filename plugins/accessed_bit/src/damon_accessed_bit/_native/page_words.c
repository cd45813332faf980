// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "page_words.h"

/* A second system call costs about as much as reading this many words in vain. */
#define WINDOW 64

/* How many of the indexes fit in one window that starts at the first. */
static size_t window_len(const uint64_t *index, size_t nr)
{
	size_t len = 1;

	while (len < nr && index[len] - index[0] < WINDOW)
		len++;
	return len;
}

int page_words_read(int fd, const uint64_t *index, size_t nr, uint64_t *words)
{
	uint64_t window[WINDOW];
	size_t len;
	int err = 0;

	for (; nr; index += len, words += len, nr -= len) {
		ssize_t got;

		len = window_len(index, nr);
		memset(window, 0, sizeof(window));
		got = pread(fd, window, (index[len - 1] - index[0] + 1) * sizeof(*window),
			    (off_t)(index[0] * sizeof(*window)));
		if (got < 0)
			err = -errno;
		for (size_t i = 0; i < len; i++)
			words[i] = window[index[i] - index[0]];
	}
	return err;
}
