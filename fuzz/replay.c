// SPDX-License-Identifier: Apache-2.0
/* Runs a harness on files, for compilers without a fuzzer; says how many there were. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int run(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		return -1;
	rewind(file);
	bytes = malloc(size ? size : 1);
	if (!bytes || fread(bytes, 1, size, file) != (size_t)size)
		return -1;
	fclose(file);
	fprintf(stderr, "%s\n", path);	/* the last one named is the one that failed */
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (run(argv[i])) {
			perror(argv[i]);
			return 2;
		}
	}
	printf("%d\n", argc - 1);
	return 0;
}
