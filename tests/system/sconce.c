/* SPDX-License-Identifier: Apache-2.0 */
#include "system/sconce.h"

#include <string.h>

#define WORDS_MAX 24

const char *sconce_conf(const char *name, const char *broker_keys)
{
        const char *path = work_path("%s.conf", name);
        const char *cert = pki_issued(stage.pki, name);

        write_file(path, "[broker]\nurl = mqtts://localhost:%u\n%s\n[tls]\nca = %s\ncert = %s.crt\nkey = %s.key\n",
                   stage.broker->port.number, broker_keys, pki_file(stage.pki, "ca.crt"), cert, cert);
        return path;
}

const char *sconce_conf_plain(unsigned port, const char *broker_keys)
{
        const char *path = work_path("plain-%u.conf", port);

        write_file(path, "[broker]\nurl = mqtt://127.0.0.1:%u\n%s\n", port, broker_keys);
        return path;
}

static void set_words(const char *argv[static WORDS_MAX], const char *conf, const char *const words[])
{
        size_t n = 0;

        argv[n++] = build_path("sconce");
        argv[n++] = "--config";
        argv[n++] = conf;
        while (*words && n + 1 < WORDS_MAX)
                argv[n++] = *words++;
        argv[n] = NULL;
}

static struct run run_of(const struct process *process, int status)
{
        return (struct run){ .status = status,
                             .out = process->out.text ? process->out.text : "",
                             .err = process->err.text ? process->err.text : "" };
}

struct run sconce_run(const char *conf, const char *const words[])
{
        const char *argv[WORDS_MAX];
        int status;

        set_words(argv, conf, words);
        struct process *process = process_run(argv, NULL, &status);
        return run_of(process, status);
}

struct process *sconce_start(const char *conf, const char *const words[])
{
        const char *argv[WORDS_MAX];

        set_words(argv, conf, words);
        return process_start(argv, &(struct process_options){ .name = "sconce" });
}

struct run sconce_wait(struct process *process)
{
        int status = process_wait(process, SOON_MS);
        return run_of(process, status);
}

void assert_run(struct run run, int status, const char *out, const char *err)
{
        if (run.status != status)
                print_error("out: %s\nerr: %s\n", run.out, run.err);
        assert_int_equal(run.status, status);
        assert_string_equal(run.out, out);
        assert_string_equal(run.err, err);
}

void assert_has(const char *text, const char *wanted)
{
        if (!strstr(text, wanted))
                print_error("%s\n", text);
        assert_non_null(strstr(text, wanted));
}

void assert_has_not(const char *text, const char *unwanted)
{
        if (strstr(text, unwanted))
                print_error("%s\n", text);
        assert_null(strstr(text, unwanted));
}
