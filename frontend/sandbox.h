/* Running a function in a child process that can do nothing but compute and answer with bytes.
 *
 * Why a process: limits inside Lua cannot stop everything (a long call into C runs no hook), and a fault in the
 * interpreter must not be a fault of the program that reads a stranger's spec. */
#ifndef RATTAN_FRONTEND_SANDBOX_H
#define RATTAN_FRONTEND_SANDBOX_H

#include "base/ctx.h"
#include "base/text.h"

/* Puts the answer into `reply`. Runs in the child, inside ctx_run of the child's copy of the Ctx, whose arena has
 * SANDBOX_ARENA bytes more. It must not call malloc: a thread of the parent may have held its lock at the fork. */
typedef void SandboxFn(Ctx *ctx, void *arg, Text *reply);

enum { SANDBOX_ARENA = 256 * 1024 * 1024 };

/* Runs fn(arg) in a child with limits on processor time, wall-clock time, memory, descriptors, files and processes, and
 * takes its answer. A child that is killed, crashes or says too much is an error at `place`; the parent's descriptors,
 * signals and memory stay as they are. Works in a program with threads. */
Status sandbox_run(Ctx *ctx, const char *place, SandboxFn *fn, void *arg, const char **reply, size_t *length);

#endif
