/* SPDX-License-Identifier: Apache-2.0 */
/* plugins/exec on the mock host, with real programs: small shell scripts that do what programs get wrong. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/sysfs_plugin.h"

static const struct tree_entry nothing[] = { { NULL, NULL, TREE_FILE } };

static int setup(void **state)
{
        return sysfs_plugin_setup_bare(state, "exec", nothing);
}

/* The program that is read, and the one that sets: scripts in the test's directory, whose path is $1. */
static void script(const char *text)
{
        tree_put(root, "script", text);
}

static void set_words(const char *option, const char *file)
{
        static char path[2][sizeof(root) + 16];
        static const char *words[2][4];
        const bool is_set = strcmp(option, "set") == 0;

        (void)snprintf(path[is_set], sizeof(path[0]), "%s/%s", root, file);
        memcpy(words[is_set], (const char *const[]){ "/bin/sh", path[is_set], root, NULL }, sizeof(words[0]));
        mock_option_list(host, option, words[is_set]);
}

static void start(const char *text)
{
        script(text);
        set_words("command", "script");
        assert_int_equal(mock_start(host), 0);
}

static void start_set(const char *text)
{
        tree_put(root, "set-script", text);
        set_words("set", "set-script");
}

static void choose(const char *const *channels)
{
        mock_option_list(host, "channels", channels);
}

static const char *text_of(const char *channel)
{
        const struct sconce_value *value = mock_value(host, channel);

        assert_non_null(value);
        assert_int_equal(value->type, SCONCE_VALUE_TEXT);
        return value->text;
}

static bool is_on(const char *channel)
{
        const struct sconce_value *value = mock_value(host, channel);

        assert_non_null(value);
        assert_int_equal(value->type, SCONCE_VALUE_BOOL);
        return value->on;
}

/* ---- Plain --------------------------------------------------------------------------------------------- */

static void exec__plain_number__value(void **state)
{
        (void)state;
        start("echo '  -21.5  '");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("value") == -21.5);
}

static void exec__plain_with_unit_and_class__channel_has_them(void **state)
{
        (void)state;
        choose((const char *const[]){ "outside °C temperature", NULL });
        start("echo 3");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("outside") == 3);
        assert_string_equal(mock_channel(host, "outside")->unit, "°C");
        assert_string_equal(mock_channel(host, "outside")->device_class, "temperature");
}

static void exec__plain_text__as_it_is(void **state)
{
        (void)state;
        choose((const char *const[]){ "status:text", NULL });
        start("printf '12 gr\\303\\274\\303\\237e\\n'");
        assert_int_equal(mock_read(host), 0);
        assert_string_equal(text_of("status"), "12 grüße");
        script("printf '%0255d' 0");
        assert_int_equal(mock_read(host), 0);
        script("printf '%0256d' 0");
        assert_read_fails(-EBADMSG, "status: the program's output is not text of at most 255 bytes");
}

static void exec__plain_bool__words_and_digits(void **state)
{
        static const struct {
                const char *text;
                bool on;
        } cases[] = { { "echo ON", true }, { "echo off", false }, { "echo True", true },
                      { "echo 0", false }, { "printf 1", true },  { "echo false", false } };

        (void)state;
        choose((const char *const[]){ "door:bool", NULL });
        start("true");
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                script(cases[i].text);
                assert_int_equal(mock_read(host), 0);
                assert_int_equal(is_on("door"), cases[i].on);
        }
        script("echo 2");
        assert_read_fails(-EBADMSG, "door: the program's output is not ON or OFF");
}

static void exec__plain_that_is_none__reported(void **state)
{
        static const char *const odd[] = { "true",     "echo",       "echo warm",        "echo 1 2",       "echo 0x10",
                                           "echo nan", "echo 1e999", "printf '1\\0002'", "printf '\\377'", "echo +1" };

        (void)state;
        start("true");
        for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
                script(odd[i]);
                assert_int_equal(mock_read(host), -EBADMSG);
        }
        assert_string_equal(mock_error(host), "value: the program's output is not a number");
        assert_null(mock_value(host, "value"));
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void start_json(const char *text)
{
        choose((const char *const[]){ "temperature °C temperature", "door:bool", "status:text", NULL });
        mock_option(host, "output", "json");
        start(text);
}

static void exec__json__channels_and_the_rest_passed_over(void **state)
{
        (void)state;
        start_json("echo ' {\"more\": null, \"temperature\" : 2.15e1,\"door\":true , "
                   "\"status\":\"a\\\"b\\u00e9\"}'");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("temperature") == 21.5);
        assert_true(is_on("door"));
        assert_string_equal(text_of("status"), "a\"bé");
}

static void exec__json_that_lacks_a_channel__null(void **state)
{
        (void)state;
        start_json("echo '{\"temperature\":null,\"door\":false}'");
        assert_int_equal(mock_read(host), 0);
        assert_true(is_null("temperature"));
        assert_true(is_null("status"));
        assert_false(is_on("door"));
        script("echo '{}'");
        assert_read_fails(-ENODATA, "the program prints none of the channels");
}

static void exec__json_that_is_none__logged_and_nothing_reported(void **state)
{
        static const struct {
                const char *text, *sentence;
        } cases[] = {
                { "true", "the program's output is not a flat JSON object: \"\"" },
                { "echo 21.5", "the program's output is not a flat JSON object: \"21.5\n\"" },
                { "printf '[1]'", "the program's output is not a flat JSON object: \"[1]\"" },
                { "printf '{\"a\":{\"b\":1}}'",
                  "a: the program prints an object in an object, and only an object of plain values can be read: "
                  "numbers, texts, true, false and null" },
                { "printf '{\"t\":21.5,\"wifi\":{\"rssi\":-60}}'",
                  "wifi: the program prints an object in an object, and only an object of plain values can be "
                  "read: numbers, texts, true, false and null" },
                { "printf '{\"a\":1,\"list\":[1,2]}'",
                  "list: the program prints a list, and only an object of plain values can be read: numbers, "
                  "texts, true, false and null" },
                { "printf '{\"temperature\":1,\"b\":nan}'",
                  "b: the program's output from here on is not JSON: \"nan}\"" },
                { "printf '{\"a\":1'", "the program's output is not a flat JSON object: \"{\"a\":1\"" },
                { "printf '{\"a\":1}}'", "the program's output is not a flat JSON object: \"{\"a\":1}}\"" },
                { "printf '{\"temperature\":\"21\"}'", "temperature: the program's output is not a number" },
                { "printf '{\"door\":\"ajar\"}'", "door: the program's output is not ON or OFF" },
                { "printf '{\"status\":7}'", "status: the program's output is not text of at most 255 bytes" },
                { "printf '{\"door\":1,\"door\":0}'", "door: the program's output is not a single value" },
                { "printf '{\"status\":\"%0256d\"}' 0",
                  "status: the program's output is not text of at most 255 bytes" },
                { "printf '{}\\000'", "temperature: the program's output is not text: it has a NUL" },
        };

        (void)state;
        start_json("true");
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                script(cases[i].text);
                assert_read_fails(-EBADMSG, cases[i].sentence);
        }
        assert_int_equal(mock_reports(host), 0);
}

/* ---- Programs that fail -------------------------------------------------------------------------------- */

static void exec__fails__status_and_last_line_of_stderr(void **state)
{
        (void)state;
        start("echo 21; echo first >&2; echo 'no sensor' >&2; exit 3");
        assert_read_fails(-EIO, "sh: ended with status 3: no sensor");
        script("printf 'half a line' >&2; exit 1");
        assert_read_fails(-EIO, "sh: ended with status 1: half a line");
        script("exit 1");
        assert_read_fails(-EIO, "sh: ended with status 1");
        script("kill -SEGV $$");
        assert_read_fails(-EIO, "sh: ended by signal 11 (SIGSEGV)");
        assert_null(mock_value(host, "value"));
        script("echo 21");
        assert_int_equal(mock_read(host), 0);
}

/* What the kernel's "No such file" leaves out: the file is there. */
static void exec__script_that_the_kernel_cannot_start__gives_the_reason(void **state)
{
        static const struct {
                const char *text, *sentence;
                mode_t mode;
                int error;
        } cases[] = {
                { "#!/bin/sh\r\necho 1\r\n",
                  "ROOT/program: cannot be run: its first line ends in a carriage return, as text files of Windows "
                  "do, and \"/bin/sh\\r\" is not a program; save it with Unix line ends",
                  0755, -ENOENT },
                { "#! /nowhere/python3 -u\nprint(1)\n",
                  "ROOT/program: cannot be run: its first line asks for /nowhere/python3, which is not there", 0755,
                  -ENOENT },
                { "echo 1\n",
                  "ROOT/program: cannot be run: it is not a program for this machine, and does not begin with #!", 0755,
                  -ENOEXEC },
                { "#!/bin/sh\necho 1\n",
                  "ROOT/program: cannot be run: it is not executable (chmod +x) by the user of this program", 0644,
                  -EACCES },
        };
        const char *preload = getenv("LD_PRELOAD");
        char path[sizeof(root) + 16];

        (void)state;
        if ((preload && strstr(preload, "vgpreload")) || getenv("SCONCE_TEST_EMULATED")) {
                print_message("skipped: valgrind and qemu start programs in their own way\n");
                skip();
        }
        (void)snprintf(path, sizeof(path), "%s/program", root);
        mock_option_list(host, "command", (const char *const[]){ path, NULL });
        assert_int_equal(mock_start(host), 0);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                tree_put(root, "program", cases[i].text);
                assert_int_equal(chmod(path, cases[i].mode), 0);
                assert_read_fails(cases[i].error, cases[i].sentence);
        }
}

static void exec__no_such_program__reported(void **state)
{
        const char *preload = getenv("LD_PRELOAD");

        (void)state;
        if ((preload && strstr(preload, "vgpreload")) || getenv("SCONCE_TEST_EMULATED")) {
                print_message("skipped: valgrind and qemu hide from posix_spawn() that there is no such program\n");
                skip();
        }
        mock_option(host, "command", "/nowhere/at/all");
        assert_int_equal(mock_start(host), 0);
        assert_read_fails(-ENOENT, "/nowhere/at/all: cannot be run: No such file or directory");
}

/* A pipe whose other end the program and all its children hold: it ends when the last of them does. */
static int make_leash(void)
{
        assert_int_equal(mkfifo("leash", 0600), 0);
        int fd = open("leash", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void assert_all_gone(int leash)
{
        struct pollfd end = { .fd = leash, .events = POLLIN };

        assert_int_equal(poll(&end, 1, 10000), 1);
        assert_int_equal(end.revents & (POLLHUP | POLLIN), POLLHUP);
        (void)close(leash);
}

static void exec__does_not_end__killed_with_its_children(void **state)
{
        (void)state;
        mock_deadline_us(host, 3000000); /* a busy machine takes its time to start it */
        start("exec 9>$1/leash; trap '' TERM HUP INT; echo waiting >&2; sleep 1000 & sleep 1000");
        int leash = make_leash();
        assert_read_fails(-ETIMEDOUT, "sh: was killed: it has not ended within 2.7 s: waiting");
        assert_all_gone(leash);
}

static void exec__child_holds_stdout__not_waited_for_and_killed(void **state)
{
        (void)state;
        mock_deadline_us(host, 3600ULL * 1000000);
        start("exec 9>$1/leash; sleep 1000 & echo 21");
        int leash = make_leash();
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("value") == 21);
        assert_all_gone(leash);
}

static void exec__child_in_a_session_of_its_own_holds_stdout__not_waited_for(void **state)
{
        (void)state;
        mock_deadline_us(host, 3600ULL * 1000000);
        assert_int_equal(mkfifo("stay", 0600), 0);
        assert_int_equal(mkfifo("away", 0600), 0);
        start("setsid sh -c 'echo >$1/away; read x <$1/stay' sh $1 & read x <$1/away; echo 21");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("value") == 21);
        int stay = open("stay", O_WRONLY | O_CLOEXEC); /* it waits there, and now ends */
        assert_true(stay >= 0);
        (void)close(stay);
}

static void exec__prints_without_end__killed(void **state)
{
        (void)state;
        mock_deadline_us(host, 3600ULL * 1000000);
        start("exec 9>$1/leash; trap '' PIPE; exec cat /dev/zero");
        int leash = make_leash();
        assert_read_fails(-EFBIG, "sh: prints more than 64 KiB");
        assert_all_gone(leash);
        script("head -c 65536 /dev/zero | tr '\\0' ' '; true");
        assert_int_equal(mock_read(host), -EBADMSG);
        script("head -c 65535 /dev/zero | tr '\\0' ' '; echo 7");
        assert_int_equal(mock_read(host), -EFBIG);
        script("head -c 65535 /dev/zero | tr '\\0' ' '; printf 7");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("value") == 7);
}

static void exec__a_hundred_megabytes_of_stderr__thrown_away(void **state)
{
        (void)state;
        mock_deadline_us(host, 3600ULL * 1000000);
        start("head -c 100000000 /dev/zero >&2; echo 7");
        assert_int_equal(mock_read(host), 0);
        assert_true(number_of("value") == 7);
}

/* ---- What a program finds ------------------------------------------------------------------------------ */

static void exec__environment_and_descriptors__nothing_of_the_agents(void **state)
{
        (void)state;
        choose((const char *const[]){ "status:text", NULL });
        assert_int_equal(setenv("SECRET", "1", 1), 0);
        int fd = open("/dev/null", O_RDONLY); /* NOLINT: without O_CLOEXEC on purpose */
        assert_true(fd > 2);
        start("env | cut -d= -f1 | grep -v '^_$\\|^PWD$\\|^OLDPWD$\\|^SHLVL$' | sort | tr '\\n' ' '; pwd; "
              "cat; "
              "exec ls /proc/self/fd");
        assert_int_equal(mock_read(host), 0);
        /* ls itself has that directory open. */
        assert_string_equal(text_of("status"), "LANG PATH /\n0\n1\n2\n3");
        (void)close(fd);
        (void)unsetenv("SECRET");
}

static void exec__signals__as_programs_expect_them(void **state)
{
        sigset_t blocked, before;

        (void)state;
        choose((const char *const[]){ "status:text", NULL });
        (void)sigemptyset(&blocked);
        (void)sigaddset(&blocked, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &blocked, &before);
        void (*pipe_before)(int) = signal(SIGPIPE, SIG_IGN);
        /* Without 32 and 33, which are the C library's own. */
        start("for x in $(grep '^SigBlk\\|^SigIgn' /proc/self/status | cut -f2); do printf '%d ' $((0x$x & "
              "0x7fffffff)); done");
        assert_int_equal(mock_read(host), 0);
        (void)signal(SIGPIPE, pipe_before);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        assert_string_equal(text_of("status"), "0 0");
}

static size_t count_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        size_t count = 0;

        assert_non_null(dir);
        while (readdir(dir))
                count++;
        (void)closedir(dir);
        return count;
}

static void exec__read_often__no_descriptor_is_left(void **state)
{
        (void)state;
        start("echo 1");
        assert_int_equal(mock_read(host), 0);
        size_t before = count_fds();
        for (int i = 0; i < 20; i++) {
                script(i % 2 ? "echo 1" : "exit 1");
                (void)mock_read(host);
        }
        assert_int_equal(count_fds(), before);
}

/* ---- Setting ------------------------------------------------------------------------------------------- */

static char *read_output(void)
{
        static char output[256];
        FILE *file = fopen("output", "re");

        assert_non_null(file);
        size_t n = fread(output, 1, sizeof(output) - 1, file);
        output[n] = '\0';
        (void)fclose(file);
        return output;
}

static void exec__set_switch__on_and_off_as_the_last_word(void **state)
{
        (void)state;
        start_set("echo \"$#:$2\" >>$1/output");
        start("echo off");
        assert_int_equal(mock_channel(host, "state")->kind, SCONCE_SWITCH);
        assert_int_equal(mock_read(host), 0);
        assert_false(is_on("state"));
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", true)), 0);
        assert_true(is_on("state"));
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", false)), 0);
        assert_string_equal(read_output(), "2:ON\n2:OFF\n");
}

static void exec__set_number__in_its_range(void **state)
{
        (void)state;
        mock_option(host, "set_kind", "number");
        mock_option(host, "min", "5");
        mock_option(host, "max", "30");
        choose((const char *const[]){ "setpoint °C", NULL });
        start_set("echo \"$2\" >$1/output");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_channel(host, "setpoint")->kind, SCONCE_NUMBER);
        assert_true(mock_channel(host, "setpoint")->min == 5 && mock_channel(host, "setpoint")->max == 30);
        assert_int_equal(mock_command(host, SCONCE_NUM("setpoint", 21.3)), 0);
        assert_string_equal(read_output(), "21.3\n");
        assert_int_equal(mock_read(host), 0); /* there is nothing to read it by */
        assert_true(number_of("setpoint") == 21.3);
}

static void exec__set_fails__refused_and_not_reported(void **state)
{
        (void)state;
        start_set("echo 'relay is stuck' >&2; exit 2");
        assert_int_equal(mock_start(host), 0);
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", true)), -EIO);
        assert_string_equal(mock_error(host), "sh: ended with status 2: relay is stuck");
        assert_null(mock_value(host, "state"));
}

/* A program that reports other things is fine. */
static void exec__set_channel_is_not_printed__stays_as_commanded(void **state)
{
        (void)state;
        mock_option(host, "output", "json");
        choose((const char *const[]){ "state", "power W", NULL });
        start_set("true");
        start("echo '{\"power\":12}'");
        assert_int_equal(mock_command(host, SCONCE_BOOL("state", true)), 0);
        assert_int_equal(mock_read(host), 0);
        assert_true(is_on("state"));
        assert_true(number_of("power") == 12);
}

/* ---- Options ------------------------------------------------------------------------------------------- */

static void exec__options_that_do_not_fit__reported(void **state)
{
        static const struct {
                const char *command[3], *channels[3], *sentence;
        } cases[] = {
                { { NULL }, { NULL }, "command, or set, or both are needed" },
                { { "date" }, { NULL }, "command: \"date\" is not a full path: no shell searches for it" },
                { { "/bin/date, -u" },
                  { NULL },
                  "command: \"/bin/date, -u\" is one word; arguments are written [/path/to/program, "
                  "argument]" },
                { { "/bin/date" },
                  { "a", "b" },
                  "channels: plain output has one channel; for several write output = json" },
                { { "/bin/date" },
                  { "a b c d" },
                  "channels: \"a b c d\" is invalid: KEY[:number|bool|text] [UNIT [CLASS]], the key of a-z, 0-9 "
                  "and _" },
                { { "/bin/date" },
                  { "a:color" },
                  "channels: \"a:color\" is invalid: KEY[:number|bool|text] [UNIT [CLASS]], the key of a-z, 0-9 "
                  "and _" },
                { { "/bin/date" },
                  { "" },
                  "channels: \"\" is invalid: KEY[:number|bool|text] [UNIT [CLASS]], the key of a-z, 0-9 and "
                  "_" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                mock_option_list(host, "command", cases[i].command);
                choose(cases[i].channels);
                assert_int_equal(mock_configure(host), -EINVAL);
                assert_string_equal(mock_error(host), cases[i].sentence);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                SYSFS_TEST(exec__plain_number__value),
                SYSFS_TEST(exec__plain_with_unit_and_class__channel_has_them),
                SYSFS_TEST(exec__plain_text__as_it_is),
                SYSFS_TEST(exec__plain_bool__words_and_digits),
                SYSFS_TEST(exec__plain_that_is_none__reported),
                SYSFS_TEST(exec__json__channels_and_the_rest_passed_over),
                SYSFS_TEST(exec__json_that_lacks_a_channel__null),
                SYSFS_TEST(exec__json_that_is_none__logged_and_nothing_reported),
                SYSFS_TEST(exec__fails__status_and_last_line_of_stderr),
                SYSFS_TEST(exec__script_that_the_kernel_cannot_start__gives_the_reason),
                SYSFS_TEST(exec__no_such_program__reported),
                SYSFS_TEST(exec__does_not_end__killed_with_its_children),
                SYSFS_TEST(exec__child_holds_stdout__not_waited_for_and_killed),
                SYSFS_TEST(exec__child_in_a_session_of_its_own_holds_stdout__not_waited_for),
                SYSFS_TEST(exec__prints_without_end__killed),
                SYSFS_TEST(exec__a_hundred_megabytes_of_stderr__thrown_away),
                SYSFS_TEST(exec__environment_and_descriptors__nothing_of_the_agents),
                SYSFS_TEST(exec__signals__as_programs_expect_them),
                SYSFS_TEST(exec__read_often__no_descriptor_is_left),
                SYSFS_TEST(exec__set_switch__on_and_off_as_the_last_word),
                SYSFS_TEST(exec__set_number__in_its_range),
                SYSFS_TEST(exec__set_fails__refused_and_not_reported),
                SYSFS_TEST(exec__set_channel_is_not_printed__stays_as_commanded),
                SYSFS_TEST(exec__options_that_do_not_fit__reported),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
