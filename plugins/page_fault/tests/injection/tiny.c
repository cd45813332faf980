// SPDX-License-Identifier: Apache-2.0
/*
 * A program without any library: writes a byte to standard output every now and then.
 * -m32 makes it a 32-bit one; POP_RAX and SIGRETURN are instructions that it has then.
 */
#ifdef __x86_64__
#define WRITE 1
#define RAX "%rax"
#define CALL "syscall\n\tnop"
#define ARG0 "D"
#define ARG1 "S"
#define CLOBBERED "rcx", "r11", "memory"
#else
#define WRITE 4
#define RAX "%eax"
#define CALL "int $0x80"
#define ARG0 "b"
#define ARG1 "c"
#define CLOBBERED "memory"
#endif

#ifdef POP_RAX
__asm__("syscall\n\tret\n\tpop " RAX "\n\tret");
#endif
#ifdef SIGRETURN
__asm__("syscall\n\tret\n\tmov $15, %rax\n\tsyscall");
#endif

void _start(void)
{
	for (;;) {
		static const char BYTE = 'x';
		long ret;

		for (volatile int i = 0; i < 100000; i++)
			;
		__asm__ volatile(CALL : "=a"(ret) : "0"((long)WRITE), ARG0(1L), ARG1(&BYTE), "d"(1L)
				 : CLOBBERED);
		if (ret != 1)
			__builtin_trap();
	}
}
