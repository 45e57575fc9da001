/* SPDX-License-Identifier: Apache-2.0 */
/* The network between a daemon and its broker: TCP servers that send nothing, that never answer, or that pass on and
 * record. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "system/pump.h"

struct wire;

struct wire *wire_silent(const char *address);                      /* accepts and sends nothing */
struct wire *wire_relay(const char *address, unsigned target_port); /* to 127.0.0.1 */
struct wire *wire_black_hole(const char *address, unsigned port);   /* SYNs are not answered; port 0: any */
void wire_free(struct wire *wire);
void wire_free_all(void);

unsigned wire_port(const struct wire *wire);
unsigned wire_connections(const struct wire *wire); /* accepted so far */
void wire_wait_connections(struct wire *wire, unsigned n);
/* Ends the connections that there are; the next ones are passed on again. */
void wire_cut(struct wire *wire);
/* From now on passes nothing on, and closes nothing either, as when a router dies. */
void wire_stall(struct wire *wire);

/* From the bytes on that hold the text nothing that comes the same way is passed on, nor the end of it, until
 * wire_release(): as when packets are lost, and sent again later. */
void wire_hold_from(struct wire *wire, const char *text);
void wire_wait_held(struct wire *wire);
void wire_release(struct wire *wire);
void wire_wait_reset(struct wire *wire); /* the held side has ended by RST: its kernel sends nothing any more */

/* Makes of each + and # that a client sends a letter: to the broker no filter is a wildcard, and nothing is retained
 * for it. */
void wire_hide_wildcards(struct wire *wire);

/* What went over it, both ways, all connections together. */
bool wire_saw(const struct wire *wire, const char *text);
void wire_wait_saw(struct wire *wire, const char *text);
/* The server name of the first ClientHello; NULL: it has none. */
const char *wire_wait_sni(struct wire *wire);
