/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output that is held by the fd of its request alone, through the kernel's second GPIO interface (Linux 5.10). That is
 * how a line is taken over from an earlier process, which neither libgpiod can, and how libgpiod 1, which does not give
 * away an output's fd, requests one that a later process can take over.
 */
#pragma once

#include "gpio/chip_ops.h"

/* As it is, or as an output. -EINVAL: the chip refuses these settings, or the kernel is too old. */
int held_request(int chip_fd, const struct request_spec *spec, struct line_request **ret) MUST_CHECK;

/* Whether this fd is a line's request at all. One whose chip is gone is, too. */
bool held_is_line(int fd);
/* The request of this fd, which belongs to it then; on failure it stays the caller's. */
int held_adopt(int fd, struct line_request **ret) MUST_CHECK;
