/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it takes to join: the stage's broker with the shipped door for codes, and the real `sconce-pki serve` behind it. signer.h
 * has one that the tests play.
 */
#pragma once

#include "system/broker.h"
#include "system/client.h"
#include "system/process.h"
#include "system/sconce.h"

struct joining {
        struct port door;
        struct process *signer;
        struct client *tap; /* hears all that machines ask */
};

extern struct joining joining;

int joining_open(void **state);                    /* group set-up: PKI, broker and tester */
int joining_begin(void **state);                   /* before each test: signer and tap */
int joining_begin_at(const struct broker *broker); /* behind another one */
int joining_finish(void **state);                  /* after it */

const char *joining_url(void); /* of the stage's broker, as nodes reach it */
void joining_start_signer(const struct broker *broker);
/* What it may read of the topics, the signer's name may. */
struct client *joining_tap(const char *id, const struct broker *broker, const char *topic);

/* The code alone, as a script takes it; two more words for the command, or NULL. The broker knows it on return. */
const char *joining_invite(const char *name, const char *first, const char *second);
/* An empty directory: a Pi, or a person's home. */
const char *joining_place(void);
/* `sconce-pki join` on a Pi. */
struct process *joining_node_start(const char *pi, const char *code);
struct run joining_node(const char *pi, const char *code);
/* `sconce` of a person. */
struct run joining_person(const char *home, const char *const words[]);
