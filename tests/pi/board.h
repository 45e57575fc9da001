/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An emulated Raspberry Pi 3: qemu, a card of its own, and the program on its serial line that runs commands
 * (console). From inside, 127.0.0.1 of this machine is 10.0.2.2, also called broker.lan.
 */
#pragma once

#include "system/process.h"

struct board {
        const char *image; /* directory made by build-image */
        const char *card;  /* file */
        struct process *process;
        int input; /* of the serial line */
        unsigned commands;
        char *output; /* of the last command */
};

/* A card with these files (NULL-terminated) in /srv. Not started. */
struct board *board_new(const char *image, const char *const files[]);
void board_free(struct board *board);  /* as if the plug were pulled; NULL is fine */
void board_start(struct board *board); /* until its console answers */

/* Runs one line of shell as root inside, and returns what it reported; valid until the next. */
const char *board_run(struct board *board, unsigned within_s, int *ret_status, const char *command);
/* The same; fails the test when the status is not 0. */
const char *board_do(struct board *board, const char *format, ...) PRINTF_LIKE(2, 3);
/* Until the command succeeds; fails the test after the time. */
void board_wait(struct board *board, unsigned within_s, const char *format, ...) PRINTF_LIKE(3, 4);
