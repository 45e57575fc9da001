/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's store of fds, and what a run hands over to the program that it executes, in the place of service_fds.c: a line
 * is held for as long as the process, the store or the next program has it. What leaves the store does so a little later,
 * or when it is waited for.
 */
#pragma once

#include <stdbool.h>

#include "gpio/gpio.h"

#define LINES_MAX 54

struct stored_line {
        bool is_stored, is_leaving, is_inherited;
        char name[FD_NAME_SIZE];
};

struct stored_lines {
        bool is_there;    /* systemd runs us */
        bool is_executed; /* by the run before: it is not systemd that starts us */
        struct stored_line items[LINES_MAX];
};

int fd_store_fd(unsigned offset);
unsigned fd_store_offset(int fd);
bool fd_store_holds(unsigned offset); /* the line stays as it is without us */
bool fd_store_has(unsigned offset);   /* and the next process will find it */
void fd_store_drop(unsigned offset);  /* it has left */

void fd_store_forget_inherited(void); /* the program that was to have them is gone */
void fd_store_clear(bool with_power); /* the service is stopped, or the machine off */
