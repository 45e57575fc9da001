/* SPDX-License-Identifier: Apache-2.0 */
/* sconce join: a certificate of one's own, with the code of an invitation. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/arguments.h"
#include "client/command.h"
#include "client/shown.h"
#include "enrol/join.h"
#include "enrol/place_client.h"

struct join {
        struct code code;
        struct join_key key;
        struct place_client place;
        struct answer answer;
};

static void join_done(struct join *join)
{
        code_forget(&join->code, NULL);
        join_key_done(&join->key);
        place_client_done(&join->place);
        answer_done(&join->answer);
}

static int join_check(const struct arguments *arguments, struct fault *fault)
{
        struct code code;

        if (strcmp(arguments->words[0], "-") == 0)
                return 0;
        int r = join_code(arguments->words[0], &code, fault);
        code_forget(&code, NULL);
        return r;
}

static void show_progress(void *userdata, const char *sentence)
{
        (void)userdata;
        shown_say("%s …", sentence);
}

/* The key lies on the disk before the code is used: nothing that this machine lacks costs a code. */
static int get_certificate(const struct arguments *arguments, struct join *join, struct fault *fault)
{
        int r = join_code(arguments->words[0], &join->code, fault);

        if (r == 0)
                r = join_key_new(false, &join->key, fault);
        if (r == 0)
                r = place_client_begin(&join->place, join->key.pem, fault);
        const struct exchange exchange = {
                .code = &join->code,
                .kind = "client",
                .key = join->key.key,
                .wait_s = arguments->timeout ? (unsigned)(arguments->timeout_us / USEC_PER_SEC) : 0,
                .progress = show_progress,
        };
        return r < 0 ? r : exchange_join(&exchange, &join->answer, fault);
}

static int exit_code_of(int r)
{
        return r == -EINVAL ? EXIT_USAGE : r == -EHOSTUNREACH || r == -ETIMEDOUT ? EXIT_NO_ANSWER : EXIT_REFUSED;
}

static int join_run(const struct arguments *arguments)
{
        CLEANUP(join_done) struct join join = { 0 };
        struct fault fault = { 0 };
        char url[URL_TEXT_MAX];
        int r = get_certificate(arguments, &join, &fault);

        if (r == 0) {
                const struct place_material material = join_material(&join.code, &join.answer, url);
                r = place_client_all(&join.place, &material, &fault);
                if (r == 0)
                        place_client_report(&join.place, &material, stdout);
        }
        if (r < 0)
                shown_say("%s", fault.text);
        return r < 0 ? exit_code_of(r) : 0;
}

const struct client_command command_join = {
        .name = "join",
        .words = "CODE",
        .summary = "Gets a certificate of your own with an invitation's code",
        .text = "CODE is what `sconce-pki invite NAME` has printed on the machine with the certificate authority; "
                "where it\n"
                "is -, it is read from standard input, and no shell keeps it. The key is made here and stays here. "
                "Then\n"
                "certificate, key and client.conf are in ~/.config/sconce, and the other commands work.\n\n"
                "Examples:\n"
                "  sconce join me:72ql7uwjr7tvxo3zj3x36vloumond4@broker.lan\n"
                "  sconce join -\n",
        .min = 1,
        .max = 1,
        .check = join_check,
        .run = join_run,
};
