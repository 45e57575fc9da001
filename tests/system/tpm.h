/* SPDX-License-Identifier: Apache-2.0 */
/* A TPM without a chip, behind a manager of its few places, which the kernel is for a real one. */
#pragma once

/* Starts it, until the test program ends; skips the test where something is not installed. What a process needs in its
 * environment to use it, with a NULL after it. */
const char *const *tpm_start(void);
