/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one process asked the kernel of its GPIO lines, as strace saw it. A line that was let go reads its
 * pull, so its level cannot show what it was driven to, nor whether that took one step or two.
 */
#pragma once

/* The words to put before a command, for daemon_options or a command line: the calls of its main thread go to
 * `file`. */
const char *const *trace_words(const char *file);

/* Once the process has ended: what it did to that line, in order. "request 1" (an output with this first
 * level), "request input", "request as it is", "configure 0", "set 1"; more than one with "; " between, ""
 * for nothing. Kept. */
const char *trace_of(const char *file, unsigned offset);

/* Skips the test where there is no strace. */
void trace_needs_strace(void);
