/* SPDX-License-Identifier: Apache-2.0 */
/* A QR code on a terminal, by libqrencode: two modules a character, dark on light whatever the terminal's colours are. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* False: no memory, or the text is too long for one. */
bool qr_print(const char *text, FILE *out);
