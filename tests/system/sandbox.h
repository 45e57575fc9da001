/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that the shipped unit allows, for one process of a test. */
#pragma once

/* Reads them from packaging/sconced.service; skips the test, with the reason, where this machine cannot. */
void sandbox_read(void);
/* A process's `prepare`: no new rights, and from then on these system calls alone. */
int sandbox_enter(void *userdata);
/* The same, and the kernel's clock may not be asked either. */
int sandbox_enter_without_clock(void *userdata);
