/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sconce-pki, each command that changes something: killed at each of its calls that change the disk, with an error from
 * each, on a disk that is full from each on, with writes that are done by half. The next run finds all as it was, or all
 * done; a command that ends in failure has said which. And two commands at once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "certs/registry.h"
#include "faults/copy.h"
#include "faults/cut.h"
#include "faults/pki_state.h"
#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

enum { EVERY = 17, WORDS_MAX = 8, WORKERS_MAX = 64, PAGE_BYTES = 4096 };

/* What there is before the command. */
enum base {
        NOTHING,
        HOUSE,   /* the broker localhost, the node hall, which commands shed, and the client me */
        PENDING, /* the same, and the node attic has happened, and is not in place */
        ROLLING, /* the same as HOUSE, with a successor to its authority */
        OLDER,   /* the same as HOUSE, with a registry of the version before, which knew no grants */
        SCRIPTS, /* what the shell script has left that sconce-pki was once */
        BASES,
};

static const struct {
        const char *words[WORDS_MAX];
        enum base base;
} commands[] = {
        { { "init" }, NOTHING },
        { { "broker", "b.lan" }, HOUSE },
        { { "node", "attic" }, HOUSE },
        { { "client", "you", "--node", "hall" }, HOUSE },
        { { "invite", "cellar" }, HOUSE },
        { { "invite", "hall" }, HOUSE },
        { { "renew", "localhost", "c.lan" }, HOUSE },
        { { "renew", "hall" }, HOUSE },
        { { "renew", "me" }, HOUSE },
        { { "revoke", "me" }, HOUSE },
        { { "revoke", "hall" }, HOUSE },
        { { "revoke", "localhost" }, HOUSE },
        { { "grant", "hall", "attic" }, HOUSE },
        { { "ungrant", "hall", "shed" }, HOUSE },
        { { "roll" }, HOUSE },
        { { "publish" }, PENDING },
        { { "renew", "localhost" }, ROLLING },
        { { "revoke", "hall" }, ROLLING },
        { { "grant", "hall", "attic" }, OLDER },
        { { "node", "attic" }, SCRIPTS },
};

enum { COMMANDS = ARRAY_SIZE(commands), NODE_ATTIC = 2 };

/* Beside the kinds of cuts: a small disk that has had room for so many pages. */
enum { SMALL_DISK = CUT_KINDS, KINDS };

static const struct {
        const char *words;
        bool is_kill;
} kinds[KINDS] = {
        [CUT_KILL] = { "killed before", true },
        [CUT_KILL_HALF] = { "killed when it was done by half", true },
        [CUT_ENOSPC] = { "ENOSPC from", false },
        [CUT_EIO] = { "EIO from", false },
        [CUT_FULL] = { "disk full from", false },
        [CUT_SHORT] = { "done by half, and saying so", false },
        [CUT_LIE] = { "done by half, and saying nothing of it", false },
        [SMALL_DISK] = { "pages left on the disk", false },
};

static struct plan {
        bool is_done; /* it has been promised: there is no way back */
        struct pki_state before, after;
        struct cut_result trace;
} plans[COMMANDS];

static const char *why_not;      /* the kernel does not let us; NULL: it does */
static const char *bases[BASES]; /* NULL: none */

static const char *base_of(unsigned command)
{
        return bases[commands[command].base];
}

struct counts {
        atomic_uint runs, old, new, unharmed;
};

/* Between the workers. */
static struct shared {
        atomic_uint next;
        atomic_bool has_failed;
        char why[2048];
        struct counts counts[KINDS];
} * shared;

static struct task {
        unsigned command, kind, at;
} * tasks;
static unsigned task_count, page_step;

static uint64_t setting(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- A worker ---------------------------------------------------------------------------------------------------- */

static pid_t parent;

/* The assertions of CMocka are of no use in a worker. */
static _Noreturn void fail_task(const struct task *task, const char *format, ...) PRINTF_LIKE(2, 3);
static _Noreturn void fail_task(const struct task *task, const char *format, ...)
{
        size_t n = 0;
        va_list arguments;

        if (!atomic_exchange(&shared->has_failed, true)) {
                for (const char *const *word = commands[task->command].words; *word; word++)
                        n += (size_t)snprintf(shared->why + n, sizeof(shared->why) - n, "%s ", *word);
                n += (size_t)snprintf(shared->why + n, sizeof(shared->why) - n, "(%s %u): ", kinds[task->kind].words,
                                      task->at);
                va_start(arguments, format);
                (void)vsnprintf(shared->why + n, sizeof(shared->why) - n, format, arguments);
                va_end(arguments);
        }
        if (getpid() == parent)
                give_up("%s", shared->why);
        _exit(1);
}

struct place {
        const char *at, *cut; /* DIR, and a copy of it as the command has left it */
};

static const char *pki_path;

static size_t put_command(const char *argv[], const struct place *place, const char *const words[])
{
        argv[0] = pki_path;
        argv[1] = "-d";
        argv[2] = place->at;
        return 3 + put_words(argv + 3, words);
}

/* After any end: who only looks, and who would change something and is refused, since there is no such name. */
static bool go_on(const struct place *place, const struct task *task)
{
        const char *argv[4 + WORDS_MAX];
        struct cut_result result;

        (void)put_command(argv, place, WORDS("list"));
        cut_run_free(argv, &result);
        if (result.status == 1 && strstr(result.words, "init' first"))
                return false;
        if (result.status != 0)
                fail_task(task, "then list ends with %d: %s", result.status, result.words);
        (void)put_command(argv, place, WORDS("revoke", "nobody"));
        cut_run_free(argv, &result);
        if (result.status != 1 || !strstr(result.words, "nobody has never been issued"))
                fail_task(task, "then revoke ends with %d: %s", result.status, result.words);
        if (commands[task->command].base != SCRIPTS)
                return true;
        /* Their access list had no block for the signer: it comes with the next command that is done. */
        (void)put_command(argv, place, WORDS("publish"));
        cut_run_free(argv, &result);
        if (result.status != 0)
                fail_task(task, "then publish ends with %d: %s", result.status, result.words);
        return true;
}

static void read_state(const struct place *place, const struct task *task, struct pki_state *ret)
{
        pki_state_read(place->at, ret);
        if (ret->wrong[0])
                fail_task(task, "%s", ret->wrong);
}

static bool ends_in(const char *name, const char *end)
{
        size_t length = strlen(name);
        return length >= strlen(end) && strcmp(name + length - strlen(end), end) == 0;
}

static bool is_secret(const char *name)
{
        return strstr(name, ".key") || strstr(name, ".tar") || strstr(name, ".p12") || strstr(name, ".psk");
}

/* What others read has never been seen half written: it is as it was, or as it is when all is done. */
static void look_at_file(const struct place *place, const struct task *task, const char *name)
{
        const char *base = base_of(task->command);
        char cut[1024], old[1024], new[1024];
        struct stat status;

        (void)snprintf(cut, sizeof(cut), "%s/%s", place->cut, name);
        (void)snprintf(old, sizeof(old), "%s/%s", base ? base : "/nowhere", name);
        (void)snprintf(new, sizeof(new), "%s/%s", place->at, name);
        if (lstat(cut, &status) < 0 || S_ISDIR(status.st_mode))
                return;
        if (!S_ISLNK(status.st_mode) && is_secret(name) && (status.st_mode & 077) != 0)
                fail_task(task, "%s could be read by others", name);
        if (!ends_in(name, ".new") && !copy_is_same(cut, old) && !copy_is_same(cut, new))
                fail_task(task, "%s was neither old nor new", name);
}

/* Not private/: its registry changes by the page. */
static void look_at_files(const struct place *place, const struct task *task)
{
        static const char *const parts[] = { "", "issued/" };

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                char path[512];
                (void)snprintf(path, sizeof(path), "%s/%s", place->cut, parts[i]);
                DIR *listing = opendir(path);
                for (struct dirent *entry; listing && (entry = readdir(listing));) {
                        (void)snprintf(path, sizeof(path), "%s%s", parts[i], entry->d_name);
                        look_at_file(place, task, path);
                }
                if (listing)
                        (void)closedir(listing);
        }
}

static bool says_that_it_happened(const struct cut_result *seen)
{
        return strstr(seen->words, "it has happened all the same") != NULL;
}

static void look_at_words(const struct task *task, const struct cut_result *seen, bool is_old)
{
        bool says_so = says_that_it_happened(seen);

        if (!strstr(seen->words, "sconce-pki: "))
                fail_task(task, "%s: ended with %d and these words: %s", seen->call, seen->status, seen->words);
        if (is_old && says_so)
                fail_task(task, "%s: it has not happened: %s", seen->call, seen->words);
        if (!is_old && !says_so && !plans[task->command].is_done)
                fail_task(task, "%s: it has happened: %s", seen->call, seen->words);
}

/* There is room again, and no fault. */
static void do_again(const struct place *place, const struct task *task)
{
        const char *argv[4 + WORDS_MAX];
        struct cut_result result;
        struct pki_state state;

        (void)put_command(argv, place, commands[task->command].words);
        cut_run_free(argv, &result);
        if (result.status != 0)
                fail_task(task, "again, it ends with %d: %s", result.status, result.words);
        (void)go_on(place, task);
        read_state(place, task, &state);
        if (strcmp(state.shape, plans[task->command].after.shape) != 0)
                fail_task(task, "done again, it is\n%s", state.shape);
}

static void judge(const struct place *place, const struct task *task, const struct cut_result *seen)
{
        const struct plan *plan = &plans[task->command];
        struct counts *counts = &shared->counts[task->kind];
        struct pki_state state;
        bool has_authority = go_on(place, task), is_kill = kinds[task->kind].is_kill;

        read_state(place, task, &state);
        bool is_new = strcmp(state.shape, plan->after.shape) == 0,
             is_old = !is_new && strcmp(state.shape, plan->before.shape) == 0;
        if (!is_old && !is_new)
                fail_task(task, "%s: neither old nor new:\n%s", seen->call, state.shape);
        if (!has_authority && (!is_old || base_of(task->command)))
                fail_task(task, "%s: the authority is gone", seen->call);
        look_at_files(place, task);
        if (is_kill ? seen->status != 128 + SIGKILL : seen->status > 1)
                fail_task(task, "%s: ended with %d", seen->call, seen->status);
        if (seen->status == 0 && !is_new)
                fail_task(task, "%s: ended with 0, and nothing has happened", seen->call);
        if (seen->status == 0 ? task->kind == CUT_LIE : task->kind == CUT_SHORT)
                fail_task(task, "%s: ended with %d: %s", seen->call, seen->status, seen->words);
        if (!is_kill && seen->status != 0)
                look_at_words(task, seen, is_old);
        if (is_old)
                do_again(place, task);
        bool is_new_to_all = is_kill ? is_new : says_that_it_happened(seen);
        atomic_fetch_add(&counts->runs, 1);
        atomic_fetch_add(seen->status == 0 ? &counts->unharmed : is_new_to_all ? &counts->new : &counts->old, 1);
}

static void lay_out(const struct place *place, const struct task *task)
{
        const char *base = base_of(task->command);

        copy_remove(place->at);
        copy_remove(place->cut);
        if (base && !copy_tree(base, place->at))
                fail_task(task, "no copy can be made: %s", strerror(errno));
}

static void keep_cut(const struct place *place, const struct task *task)
{
        if (access(place->at, F_OK) == 0 && !copy_tree(place->at, place->cut))
                fail_task(task, "no copy can be made: %s", strerror(errno));
}

static void play(const struct place *place, const struct task *task)
{
        const char *argv[4 + WORDS_MAX];
        struct cut_result seen;

        lay_out(place, task);
        (void)put_command(argv, place, commands[task->command].words);
        cut_run(argv, (struct cut){ (enum cut_kind)task->kind, task->at }, &seen);
        keep_cut(place, task);
        /* Signatures differ in length: where the last call is meant there may be none. */
        if (seen.came)
                judge(place, task, &seen);
}

static _Noreturn void work(unsigned number)
{
        const struct place place = { work_path("worker%u", number), work_path("worker%u.cut", number) };

        for (unsigned i; !shared->has_failed && (i = atomic_fetch_add(&shared->next, 1)) < task_count;)
                play(&place, &tasks[i]);
        _exit(0);
}

static void have_worked(void (*worker)(unsigned number))
{
        unsigned n = (unsigned)MIN(setting("PKI_JOBS", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN)), (uint64_t)WORKERS_MAX),
                 bad = 0;

        (void)fflush(stdout);
        atomic_store(&shared->next, 0);
        atomic_store(&shared->has_failed, false);
        for (unsigned i = 0; i < n; i++) {
                pid_t pid = fork();
                assert_true(pid >= 0);
                if (pid == 0)
                        worker(i);
        }
        for (int status; wait(&status) > 0;)
                bad += status != 0;
        if (shared->has_failed)
                give_up("%s", shared->why);
        assert_int_equal(bad, 0);
}

/* ---- What is to be done ------------------------------------------------------------------------------------------ */

static void read_before(const struct place *place, const struct task *task)
{
        struct plan *plan = &plans[task->command];

        lay_out(place, task);
        if (base_of(task->command))
                (void)go_on(place, task);
        read_state(place, task, &plan->before);
}

static void make_plan(unsigned command)
{
        const char *argv[4 + WORDS_MAX];
        struct plan *plan = &plans[command];
        const struct task task = { .command = command };
        const struct place place = { work_path("plan"), work_path("plan.cut") };
        struct cut_result *trace = &plan->trace;

        read_before(&place, &task);
        lay_out(&place, &task);
        (void)put_command(argv, &place, commands[command].words);
        cut_run(argv, (struct cut){ 0 }, trace);
        if (trace->status != 0 || trace->calls >= CUT_CALLS_MAX)
                give_up("%s ends with %d after %u calls", commands[command].words[0], trace->status, trace->calls);
        (void)go_on(&place, &task);
        read_state(&place, &task, &plan->after);
        plan->is_done = commands[command].base == PENDING;
        assert_int_equal(strcmp(plan->before.shape, plan->after.shape) == 0, plan->is_done);
}

static unsigned first_call(const struct cut_result *trace, const char *name, unsigned from)
{
        for (unsigned i = from; i <= trace->calls; i++)
                if (strncmp(trace->names[i], name, strlen(name)) == 0)
                        return i;
        give_up("there is no %s", name);
}

static void cut_at_first_rename(const char *pki)
{
        const struct place place = { pki, NULL };
        const char *argv[4 + WORDS_MAX];
        struct cut_result result;

        (void)put_command(argv, &place, commands[NODE_ATTIC].words);
        cut_run(argv, (struct cut){ CUT_KILL, first_call(&plans[NODE_ATTIC].trace, "rename", 1) }, &result);
        assert_true(result.came);
        assert_int_equal(access(pki_issued(pki, "attic.crt"), F_OK), -1);
}

static void make_old(const char *pki)
{
        int status;

        process_free(process_run(WORDS(source_path("tests/system/make-old-pki"), pki), NULL, &status));
        assert_int_equal(status, 0);
}

static void make_older(const char *pki)
{
        sqlite3 *registry = NULL;

        PKI_RUN(pki, "ungrant", "hall", "shed");
        assert_int_equal(sqlite3_open(pki_file(pki, "private/registry.db"), &registry), SQLITE_OK);
        assert_int_equal(sqlite3_exec(registry, "PRAGMA user_version = 1; ALTER TABLE names DROP COLUMN commands", NULL,
                                      NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_close(registry), SQLITE_OK);
}

static void make_bases(void)
{
        bases[HOUSE] = pki_open();
        PKI_RUN(bases[HOUSE], "node", "hall");
        PKI_RUN(bases[HOUSE], "client", "me");
        PKI_RUN(bases[HOUSE], "grant", "hall", "shed");
        if (why_not)
                return;
        make_plan(NODE_ATTIC);
        bases[PENDING] = work_path("pending");
        bases[ROLLING] = work_path("rolling");
        bases[SCRIPTS] = work_path("scripts");
        assert_true(copy_tree(bases[HOUSE], bases[PENDING]) && copy_tree(bases[HOUSE], bases[ROLLING]));
        cut_at_first_rename(bases[PENDING]);
        PKI_RUN(bases[ROLLING], "roll");
        bases[OLDER] = work_path("older");
        assert_true(copy_tree(bases[HOUSE], bases[OLDER]));
        make_older(bases[OLDER]);
        make_old(bases[SCRIPTS]);
        for (unsigned i = 0; i < COMMANDS; i++)
                make_plan(i);
}

/* Few calls can have a write that lies: of these more are taken. */
static unsigned one_in(unsigned kind)
{
        unsigned every = (unsigned)setting("PKI_EVERY", EVERY);

        return kind == CUT_LIE ? every / 8 + 1 : every;
}

static void add_tasks(unsigned command)
{
        static unsigned n[CUT_KINDS];
        const struct cut_result *trace = &plans[command].trace;

        for (unsigned at = 1; at <= trace->calls; at++)
                for (unsigned kind = 0; kind < CUT_KINDS; kind++)
                        if (trace->kinds[at] >> kind & 1U && n[kind]++ % one_in(kind) == 0)
                                tasks[task_count++] = (struct task){ command, kind, at };
}

/* ---- One fault --------------------------------------------------------------------------------------------------- */

static void skip_where_calls_cannot_be_held(void)
{
        if (why_not) {
                print_message("skipped: %s\n", why_not);
                skip();
        }
}

static void print_kills(void)
{
        const struct counts *before = &shared->counts[CUT_KILL], *half = &shared->counts[CUT_KILL_HALF];

        (void)printf(
                "fact: | `sconce-pki`, %d commands: SIGKILL before a call that changes the disk, and when half of a "
                "write was done | %u and %u kills, one in %u | the next run found all as it was %u times, all done %u "
                "times; 0 times anything between: registry, revocation list, access list, keys, issued files |\n",
                COMMANDS, before->runs, half->runs, one_in(CUT_KILL), before->old + half->old, before->new + half->new);
}

static void print_faults(unsigned kind, const char *what, const char *how_many)
{
        const struct counts *counts = &shared->counts[kind];

        (void)printf(
                "fact: | `sconce-pki`, %d commands: %s | %u %s, one in %u | %u said that nothing was changed, and "
                "nothing "
                "was; %u said that it had happened all the same, and it had; %u were done; 0 between, 0 that failed "
                "again without the fault |\n",
                COMMANDS, what, counts->runs, how_many, one_in(kind), counts->old, counts->new, counts->unharmed);
}

static void every_command__cut_at_each_call__is_as_before_or_done(void **state)
{
        (void)state;
        skip_where_calls_cannot_be_held();
        for (unsigned i = 0; i < COMMANDS; i++)
                add_tasks(i);
        have_worked(work);
        for (unsigned kind = 0; kind < CUT_KINDS; kind++)
                assert_true(shared->counts[kind].runs > 0);
        assert_true(shared->counts[CUT_KILL].old > 0 && shared->counts[CUT_KILL].new > 0);
        assert_true(shared->counts[CUT_FULL].old > 0 && shared->counts[CUT_FULL].new > 0);
        print_kills();
        print_faults(CUT_ENOSPC, "ENOSPC from a call that changes the disk", "errors");
        print_faults(CUT_EIO, "EIO from such a call", "errors");
        print_faults(CUT_FULL, "no room from a call on, after half of a write", "full disks");
        print_faults(CUT_SHORT, "a write done by half, which says so", "writes");
        print_faults(CUT_LIE, "a file's write done by half, which does not say so", "writes");
}

/* ---- The commit that was reported as failed ---------------------------------------------------------------------- */

/* SQLite syncs the directory when its journal is gone, and with that it has happened. */
static unsigned sync_after_commit(const struct cut_result *trace)
{
        for (unsigned i = 2; i <= trace->calls; i++)
                if (strncmp(trace->names[i - 1], "unlink", 6) == 0 && strstr(trace->names[i], "sync"))
                        return i;
        give_up("no journal is removed");
}

static void cut_at_commit(enum cut_kind kind, unsigned after, struct cut_result *ret)
{
        const struct task task = { NODE_ATTIC, kind, sync_after_commit(&plans[NODE_ATTIC].trace) + after };
        const struct place place = { work_path("commit"), work_path("commit.cut") };
        const char *argv[4 + WORDS_MAX];
        struct pki_state state;

        lay_out(&place, &task);
        (void)put_command(argv, &place, commands[NODE_ATTIC].words);
        cut_run(argv, (struct cut){ kind, task.at }, ret);
        assert_true(ret->came);
        assert_true(go_on(&place, &task));
        pki_state_read(place.at, &state);
        assert_string_equal(state.wrong, "");
        assert_string_equal(state.shape, plans[NODE_ATTIC].after.shape);
}

static void commit__reported_as_failed_and_done__is_said_rightly(void **state)
{
        static const char all_the_same[] =
                "no space left on its disk; it has happened all the same, and the next run of";
        struct cut_result seen;

        (void)state;
        skip_where_calls_cannot_be_held();
        cut_at_commit(CUT_ENOSPC, 0, &seen);
        assert_non_null(strstr(seen.call, "/private"));
        assert_string_equal(seen.words, "");
        assert_int_equal(seen.status, 0);
        cut_at_commit(CUT_FULL, 0, &seen);
        assert_int_equal(seen.status, 1);
        if (!strstr(seen.words, all_the_same))
                give_up("it said: %s", seen.words);
}

/* ---- What is forgotten ------------------------------------------------------------------------------------------- */

/* As for a name that has joined: its key is elsewhere. */
static void have_removed(const char *pki, const char *path)
{
        sqlite3 *registry = NULL;
        char sql[128];

        (void)snprintf(sql, sizeof(sql), "INSERT INTO files VALUES('%s', %d, '')", path, FILE_REMOVED);
        assert_int_equal(sqlite3_open(pki_file(pki, "private/registry.db"), &registry), SQLITE_OK);
        assert_int_equal(sqlite3_exec(registry, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_close(registry), SQLITE_OK);
}

/* A key that came back after a power cut would stay for ever. */
static void publish__removed_file__is_synced_before_it_is_forgotten(void **state)
{
        const struct place place = { work_path("removed"), NULL };
        const char *argv[4 + WORDS_MAX];
        struct cut_result trace;
        unsigned at = 0;

        (void)state;
        skip_where_calls_cannot_be_held();
        assert_true(copy_tree(bases[HOUSE], place.at));
        have_removed(place.at, "issued/hall.tar");
        (void)put_command(argv, &place, WORDS("publish"));
        cut_run(argv, (struct cut){ 0 }, &trace);
        assert_int_equal(trace.status, 0);
        assert_int_equal(access(pki_issued(place.at, "hall.tar"), F_OK), -1);
        do
                at = first_call(&trace, "unlink", at + 1);
        while (strcmp(trace.names[at + 1], "fsync") != 0);
        assert_true(first_call(&trace, "pwrite64", 1) > at + 1);
}

/* ---- A small disk ------------------------------------------------------------------------------------------------ */

/* The pages that are left are all that the command has. */
static bool fill(const char *path, unsigned pages)
{
        struct statvfs disk;
        CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || fstatvfs(fd, &disk) < 0 || disk.f_bsize != PAGE_BYTES || disk.f_bavail < pages)
                return false;
        return posix_fallocate(fd, 0, (off_t)(disk.f_bavail - pages) * PAGE_BYTES) == 0;
}

/* Whether the command was done. */
static bool play_small_disk(const struct place *place, const char *filler, const struct task *task)
{
        const char *argv[4 + WORDS_MAX];
        struct cut_result seen;

        lay_out(place, task);
        if (!fill(filler, task->at))
                fail_task(task, "the disk cannot be filled: %s", strerror(errno));
        (void)put_command(argv, place, commands[task->command].words);
        cut_run_free(argv, &seen);
        (void)unlink(filler);
        keep_cut(place, task);
        judge(place, task, &seen);
        return seen.status == 0;
}

/* Each task is a command. */
static _Noreturn void work_small_disk(unsigned number)
{
        enum { ENOUGH = 100 };
        const char *disk = work_path("disk%u", number), *filler = work_path("disk%u/filler", number);
        const struct place place = { work_path("disk%u/pki", number), work_path("disk%u.cut", number) };

        make_dir(disk);
        if (mount("tmpfs", disk, "tmpfs", 0, "size=800k") < 0)
                fail_task(&tasks[0], "no disk: %s", strerror(errno));
        for (unsigned i; !shared->has_failed && (i = atomic_fetch_add(&shared->next, 1)) < task_count;) {
                struct task task = tasks[i];
                while (!play_small_disk(&place, filler, &task))
                        if ((task.at += page_step) > ENOUGH)
                                fail_task(&task, "it is never done");
        }
        (void)umount(disk);
        _exit(0);
}

static void every_command__small_disk__is_as_before_or_done(void **state)
{
        const struct counts *counts = &shared->counts[SMALL_DISK];

        (void)state;
        skip_where_calls_cannot_be_held();
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                print_message("skipped: no disk of its own can be mounted: %s\n", strerror(errno));
                skip();
        }
        task_count = 0;
        page_step = one_in(SMALL_DISK) == 1 ? 1 : 5;
        for (unsigned i = 0; i < COMMANDS; i++)
                tasks[task_count++] = (struct task){ i, SMALL_DISK, 0 };
        have_worked(work_small_disk);
        assert_int_equal(counts->unharmed, COMMANDS);
        assert_int_equal(counts->new, 0); /* what follows the commit needs no room */
        assert_true(counts->old > 0);
        (void)printf("fact: | `sconce-pki`, %d commands on a disk with room for 0, %u, %u… pages, until it is enough | "
                     "%u runs "
                     "| %u said that nothing was changed, and nothing was; %u were done; 0 between, 0 that failed "
                     "again when "
                     "there was room |\n",
                     COMMANDS, page_step, 2 * page_step, counts->runs, counts->old, counts->unharmed);
}

/* ---- Two at once ------------------------------------------------------------------------------------------------- */

enum { ROUNDS = 50 };

static struct process *start(const char *at, const char *words)
{
        return process_start(WORDS("sh", "-c", "exec \"$0\" -d \"$1\" $2", pki_path, at, words),
                             &(struct process_options){ .name = words });
}

/* Done, or refused with a sentence. */
static bool is_done(struct process *process)
{
        int status = process_wait(process, 60000);

        if (status != 0 && (status != 1 || !process->err.text || !strstr(process->err.text, "sconce-pki: ")))
                give_up("%s ended with %d", process->name, status);
        process_free(process);
        return status == 0;
}

/* A # in its words is a name that each round has for itself. */
static const char *for_round(const char *words, unsigned round)
{
        char text[64], *mark;

        (void)snprintf(text, sizeof(text), "%s", words);
        while ((mark = strchr(text, '#')))
                *mark = (char)('a' + round);
        return format_text("%s", text);
}

static void two_commands__at_once__both_are_whole(void **state)
{
        static const char *const pairs[][2] = {
                { "node n#", "client c#" },
                { "node same#", "node same#" },
                { "renew me", "renew me" },
                { "invite i#", "renew hall" },
                { "client again#", "revoke again#" },
                { "roll", "node r#" },
                { "broker b#.lan", "renew localhost" },
        };
        const char *at = work_path("twice");
        unsigned done = 0, refused = 0;
        struct pki_state seen;

        (void)state;
        assert_true(copy_tree(bases[HOUSE], at));
        for (unsigned i = 0; i < ROUNDS; i++) {
                const char *const *pair = pairs[i % ARRAY_SIZE(pairs)];
                const char *first = for_round(pair[0], i / ARRAY_SIZE(pairs)),
                           *second = for_round(pair[1], i / ARRAY_SIZE(pairs));
                struct process *one = start(at, first), *other = start(at, second);
                unsigned n = is_done(one);
                n += is_done(other);
                assert_true(n > 0);
                done += n;
                refused += 2 - n;
                pki_state_read(at, &seen);
                if (seen.wrong[0])
                        give_up("%s and %s: %s", first, second, seen.wrong);
        }
        (void)printf(
                "fact: | two commands of `sconce-pki` started together | %d rounds | %u commands done, %u refused with "
                "a "
                "sentence; after each round registry, revocation list, access list, keys and issued files agree |\n",
                ROUNDS, done, refused);
}

static int teardown(void **state)
{
        for (unsigned i = 0; i < WORKERS_MAX; i++)
                (void)umount(work_path("disk%u", i)); /* of a worker that has stopped */
        return pki_close(state);
}

static int setup(void **state)
{
        (void)state;
        parent = getpid();
        if (access("/dev/shm", W_OK) == 0)
                (void)setenv("TMPDIR", "/dev/shm", 0);
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        tasks = calloc((size_t)COMMANDS * CUT_CALLS_MAX * CUT_KINDS, sizeof(*tasks));
        assert_true(shared != MAP_FAILED && tasks);
        pki_path = build_path("sconce-pki");
        why_not = cut_why_not();
        make_bases();
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_command__cut_at_each_call__is_as_before_or_done),
                cmocka_unit_test(commit__reported_as_failed_and_done__is_said_rightly),
                cmocka_unit_test(publish__removed_file__is_synced_before_it_is_forgotten),
                cmocka_unit_test(every_command__small_disk__is_as_before_or_done),
                cmocka_unit_test(two_commands__at_once__both_are_whole),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
