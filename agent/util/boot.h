/* SPDX-License-Identifier: Apache-2.0 */
/* Which boot of the machine this is: what was true in another one may not be any more. */
#pragma once

/* This boot's id, 36 characters; a run's own random id where the kernel gives none. */
const char *clock_boot_id(void);
