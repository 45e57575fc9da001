/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `sconce doctor`: what is looked at, what earlier checks have found out, and what a check comes to. */
#pragma once

#include <stdbool.h>

#include "client/arguments.h"
#include "client/settings.h"
#include "client/view.h"
#include "config/config.h"
#include "util/loop.h"

enum verdict_status { VERDICT_OK, VERDICT_WRONG, VERDICT_SKIPPED };

struct verdict {
        enum verdict_status status;
        bool blocks;       /* what needs this check cannot be looked at */
        char text[640];    /* a sentence; where skipped, why */
        char command[320]; /* that mends it; "": none */
};

void verdict_ok(struct verdict *verdict, const char *format, ...) PRINTF_LIKE(2, 3);
/* Blocks until the caller clears that. */
void verdict_wrong(struct verdict *verdict, const char *format, ...) PRINTF_LIKE(2, 3);
void verdict_skip(struct verdict *verdict, const char *format, ...) PRINTF_LIKE(2, 3);
void verdict_mend(struct verdict *verdict, const char *format, ...) PRINTF_LIKE(2, 3);

/* One address of the broker. */
struct peer {
        char host[256];
        char address[64]; /* numeric; the path of a unix socket in `host` instead: "" */
        uint16_t port;    /* 0: a unix socket */
};

#define PEERS_MAX 16

struct checkup {
        const struct arguments *arguments;
        const char *root; /* goes before the machine's paths: "" but in tests */
        bool afar;        /* a node elsewhere, with the client's config; else this machine's own */
        char node[256];   /* "": all of them, or not known yet */
        char *path;       /* of the config */
        struct config *config;
        struct problems problems; /* of reading it */
        struct client_settings settings;
        bool has_settings;
        struct tls *tls; /* our certificate, once it has been read */
        struct loop loop;
        struct peer peers[PEERS_MAX];
        size_t n_peers;
        struct session *session;
        bool connected, failed;
        struct fault refusal; /* of the attempts to connect */
        int waits_for;        /* the id of a message that the broker has not answered yet; 0: none */
        int reason;           /* of the answer */
        struct view home;
};

/* Chooses and reads the config. -ENOENT: there is none, and it is on stderr. */
int checkup_open(struct checkup *checkup, const struct arguments *arguments) MUST_CHECK;
void checkup_done(struct checkup *checkup);

/* Runs the loop until `done`, or until the time-out: false. */
bool checkup_wait(struct checkup *checkup, bool (*done)(const struct checkup *checkup), uint64_t within_us) MUST_CHECK;

/* A path of this machine; free() it. NULL without memory. */
char *checkup_path(const struct checkup *checkup, const char *path) MUST_CHECK;

/* The first device of that plugin, or the first key of that name in any device's section; NULL: none. */
const struct config_section *checkup_find_device(const struct checkup *checkup, const char *plugin);
const struct config_entry *checkup_find_key(const struct checkup *checkup, const char *key);
