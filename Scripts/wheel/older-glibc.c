// Older versions of what the C library has renamed, so that the wheel runs where glibc is older than on the machine that built it.
//
// glibc 2.29 gave exp, log and others new versions (errno without a matherr hook), 2.32 to 2.34 moved libpthread's and libdl's functions
// into libc.so.6 and gave stat a symbol of its own, 2.35 corrected hypotf's errno. A linker takes the newest version that it sees, and the
// library then refuses to load on an older system, although the function is the same: the older versions still lead to the same code.
// Scripts/wheel.sh links with --wrap=NAME for each name here, which sends calls from all objects, the Swift runtime's too, to these.
//
// What is lost: nothing that FedSim uses. The older exp, log, exp2, log2, pow, hypotf compute the same bits on one system, and set errno.

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#if defined(__x86_64__)
#define FIRST "GLIBC_2.2.5"
#define GETAFFINITY "GLIBC_2.3.4"
#define SETNAME "GLIBC_2.12"
#define STAT_VERSION 1
#define JUMP "jmp older_"
#define PLT "@PLT"
#elif defined(__aarch64__)
#define FIRST "GLIBC_2.17"
#define GETAFFINITY FIRST
#define SETNAME FIRST
#define STAT_VERSION 0
#define JUMP "b older_"
#define PLT ""
#else
#error "the first version of glibc's symbols on this architecture is not known here"
#endif

// __wrap_NAME jumps to NAME@VERSION: whatever the arguments are, they stay where they are. Each has a section of its own, so that only those
// that are used ask for their symbol.
#define OLDER(name, version)                                                                  \
  __asm__(".pushsection .text.__wrap_" #name ",\"ax\",%progbits\n"                            \
          ".globl __wrap_" #name "\n.hidden __wrap_" #name "\n.type __wrap_" #name ",%function\n" \
          "__wrap_" #name ":\n  " JUMP #name PLT "\n"                                          \
          ".symver older_" #name "," #name "@" version "\n.popsection\n");

OLDER(exp, FIRST)
OLDER(exp2, FIRST)
OLDER(hypotf, FIRST)
OLDER(log, FIRST)
OLDER(log2, FIRST)
OLDER(pow, FIRST)

OLDER(dladdr, FIRST)
OLDER(dlerror, FIRST)
OLDER(dlopen, FIRST)
OLDER(dlsym, FIRST)

OLDER(pthread_attr_getstack, FIRST)
OLDER(pthread_create, FIRST)
OLDER(pthread_getaffinity_np, GETAFFINITY)
OLDER(pthread_getattr_np, FIRST)
OLDER(pthread_getspecific, FIRST)
OLDER(pthread_join, FIRST)
OLDER(pthread_key_create, FIRST)
OLDER(pthread_kill, FIRST)
OLDER(pthread_mutexattr_destroy, FIRST)
OLDER(pthread_mutexattr_init, FIRST)
OLDER(pthread_mutexattr_settype, FIRST)
OLDER(pthread_setname_np, SETNAME)
OLDER(pthread_setspecific, FIRST)
OLDER(pthread_sigmask, FIRST)
OLDER(sem_destroy, FIRST)
OLDER(sem_init, FIRST)
OLDER(sem_open, FIRST)
OLDER(sem_post, FIRST)
OLDER(sem_timedwait, FIRST)
OLDER(sem_wait, FIRST)

// Before 2.33 these were inline functions over a call that says which layout of the structure is meant.
int __xstat(int version, const char *path, struct stat *out);
int __fxstat(int version, int file, struct stat *out);
int __lxstat(int version, const char *path, struct stat *out);

__attribute__((visibility("hidden"))) int __wrap_stat(const char *path, struct stat *out) {
  return __xstat(STAT_VERSION, path, out);
}
__attribute__((visibility("hidden"))) int __wrap_fstat(int file, struct stat *out) {
  return __fxstat(STAT_VERSION, file, out);
}
__attribute__((visibility("hidden"))) int __wrap_lstat(const char *path, struct stat *out) {
  return __lxstat(STAT_VERSION, path, out);
}

// The start of a program. From 2.34 on the C library runs a program's initialisers itself, and the start code that is linked in hands it
// nothing; before, it handed over the function that runs them, as this one does on every version.
typedef void initialiser(int, char **, char **);
extern initialiser *__init_array_start[] __attribute__((visibility("hidden"), weak));
extern initialiser *__init_array_end[] __attribute__((visibility("hidden"), weak));
extern void _init(void) __attribute__((visibility("hidden"), weak));

static void initialise(int count, char **arguments, char **environment) {
  if (_init) _init();
  for (initialiser **next = __init_array_start; next != __init_array_end; next++) (*next)(count, arguments, environment);
}

int older___libc_start_main(
  int (*)(int, char **, char **), int, char **, initialiser *, void (*)(void), void (*)(void), void *);
__asm__(".symver older___libc_start_main,__libc_start_main@" FIRST);

__attribute__((visibility("hidden"))) int __wrap___libc_start_main(
  int (*entry)(int, char **, char **), int count, char **arguments, initialiser *unused, void (*finish)(void),
  void (*unload)(void), void *stack) {
  (void)unused;
  return older___libc_start_main(entry, count, arguments, initialise, finish, unload, stack);
}

// libpng.a and libjpeg.a are compiled for programs, which may address the C library's variables as their own; a shared library may not.
// Scripts/wheel.sh renames the one that they use.
__attribute__((visibility("hidden"))) FILE *older_stderr;
__attribute__((constructor)) static void find_stderr(void) { older_stderr = stderr; }

// libstdc++'s headers of GCC 12 call it where a size overflows; libstdc++ has it from GCC 11 on. The Swift runtime has no handlers of C++
// exceptions: it would end the process too.
__attribute__((visibility("hidden"), noreturn)) void __wrap__ZSt28__throw_bad_array_new_lengthv(void) { abort(); }
