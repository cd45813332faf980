// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "maps.h"

/* The kernel hands out a page or two per read; all but the longest names fit. */
#define CHUNK (32 * 1024)

struct damon_maps {
	int fd;
	bool at_end;			/* read() has returned 0 */
	bool in_long_line;		/* its mapping is out, its rest is to be skipped */
	size_t pos, len;		/* text not yet parsed */
	char text[CHUNK];
};

struct damon_maps *damon_maps_create(int fd)
{
	struct damon_maps *maps = malloc(sizeof(*maps));

	if (!maps)
		return NULL;
	maps->fd = fd;
	maps->at_end = maps->in_long_line = false;
	maps->pos = maps->len = 0;
	return maps;
}

void damon_maps_destroy(struct damon_maps *maps)
{
	free(maps);
}

/* Text of one line that is being parsed. */
struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool take_number(struct cursor *c, unsigned int base, uint64_t *ret)
{
	const char *from = c->at;
	uint64_t value = 0;

	for (; c->at < c->end; c->at++) {
		char ch = *c->at;
		unsigned int digit;

		if (ch >= '0' && ch <= '9')
			digit = ch - '0';
		else if (base == 16 && ch >= 'a' && ch <= 'f')
			digit = ch - 'a' + 10;
		else
			break;
		if (value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	*ret = value;
	return c->at > from;
}

static bool take_flag(struct cursor *c, char set, char unset, uint32_t flag, uint32_t *flags)
{
	if (take(c, set)) {
		*flags |= flag;
		return true;
	}
	return take(c, unset);
}

static bool take_perms(struct cursor *c, uint32_t *flags)
{
	*flags = 0;
	return take_flag(c, 'r', '-', DAMON_MAPPING_READ, flags) &&
	       take_flag(c, 'w', '-', DAMON_MAPPING_WRITE, flags) &&
	       take_flag(c, 'x', '-', DAMON_MAPPING_EXEC, flags) &&
	       take_flag(c, 's', 'p', DAMON_MAPPING_SHARED, flags);
}

static bool starts_with(const struct cursor *c, const char *prefix)
{
	size_t len = strlen(prefix);

	return (size_t)(c->end - c->at) >= len && !memcmp(c->at, prefix, len);
}

/* By its name, as the device of the file tells nothing of anonymous inodes. */
static bool is_device(const struct cursor *name)
{
	static const char *const devices[] = {
		"/dev/", "anon_inode:", "socket:", "/dmabuf:", "/[aio]",
	};
	static const char *const memory[] = { "/dev/zero", "/dev/shm/", "/dev/hugepages/" };

	for (size_t i = 0; i < sizeof(memory) / sizeof(*memory); i++) {
		if (starts_with(name, memory[i]))
			return false;
	}
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
		if (starts_with(name, devices[i]))
			return true;
	}
	return false;
}

static uint32_t kind_of_name(const struct cursor *name)
{
	if (name->at == name->end)
		return DAMON_MAPPING_ANON;
	if (*name->at != '[')
		return is_device(name) ? DAMON_MAPPING_DEVICE : DAMON_MAPPING_FILE;
	if (starts_with(name, "[heap]"))
		return DAMON_MAPPING_HEAP;
	if (starts_with(name, "[stack"))
		return DAMON_MAPPING_STACK;
	if (starts_with(name, "[vdso]"))
		return DAMON_MAPPING_VDSO;
	if (starts_with(name, "[vvar"))
		return DAMON_MAPPING_VVAR;
	return DAMON_MAPPING_OTHER;
}

/* 1: a mapping, 0: a line to leave out, or -EBADMSG. */
static int parse_line(struct cursor c, struct damon_mapping *ret)
{
	uint64_t ignored;

	if (!take_number(&c, 16, &ret->start) || !take(&c, '-') ||
	    !take_number(&c, 16, &ret->end) || ret->end < ret->start || !take(&c, ' ') ||
	    !take_perms(&c, &ret->flags) || !take(&c, ' ') ||
	    !take_number(&c, 16, &ignored) || !take(&c, ' ') ||
	    !take_number(&c, 16, &ignored) || !take(&c, ':') ||
	    !take_number(&c, 16, &ignored) || !take(&c, ' ') ||
	    !take_number(&c, 10, &ret->inode))
		return -EBADMSG;
	if (c.at < c.end && *c.at != ' ')
		return -EBADMSG;
	while (take(&c, ' '))
		;
	if (ret->start == ret->end || starts_with(&c, "[vsyscall]"))
		return 0;
	ret->kind = kind_of_name(&c);
	return 1;
}

/* Get more text behind what is left; 0 or a negative errno. */
static int fill(struct damon_maps *maps)
{
	ssize_t nr;

	memmove(maps->text, maps->text + maps->pos, maps->len - maps->pos);
	maps->len -= maps->pos;
	maps->pos = 0;
	do {
		nr = read(maps->fd, maps->text + maps->len, CHUNK - maps->len);
	} while (nr < 0 && errno == EINTR);
	if (nr < 0)
		return -errno;
	maps->at_end = nr == 0;
	maps->len += nr;
	return 0;
}

/*
 * The next line, or as much of it as a chunk holds; 1, 0 at the end, or a
 * negative errno.
 */
static int next_line(struct damon_maps *maps, struct cursor *ret)
{
	for (;;) {
		char *from = maps->text + maps->pos;
		size_t left = maps->len - maps->pos;
		char *newline = memchr(from, '\n', left);
		bool skip = maps->in_long_line;
		int err;

		if (newline || left == CHUNK || (maps->at_end && left)) {
			char *end = newline ? newline : from + left;

			maps->pos += (size_t)(end - from) + !!newline;
			maps->in_long_line = !newline;
			if (skip)
				continue;
			*ret = (struct cursor){ .at = from, .end = end };
			return 1;
		}
		if (maps->at_end)
			return 0;
		err = fill(maps);
		if (err)
			return err;
	}
}

int64_t damon_maps_next(struct damon_maps *maps, struct damon_mapping *mappings, size_t cap)
{
	size_t nr = 0;

	while (nr < cap) {
		struct cursor line = { NULL, NULL };
		int ret = next_line(maps, &line);

		if (ret > 0)
			ret = parse_line(line, &mappings[nr]);
		else if (!ret)
			break;
		if (ret < 0)
			return ret;
		nr += ret;
	}
	return nr;
}
