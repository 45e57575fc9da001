/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: a program of yours that prints what it measures, and, with `set`, one that switches or sets.
 *
 * `command` is a fixed list of words, run as it is: no shell, nothing of what comes over MQTT gets into it. The
 * program prints one value (`output = plain`), or one flat JSON object whose members are the channels (`output =
 * json`), which `channels` lists as "KEY[:KIND] [UNIT [CLASS]]"; KIND is number, bool or text:
 *
 *         channels = ["temperature °C temperature", door:bool, status:text]
 *
 * `set` is another list of words, to which the commanded value is added as the last one: ON or OFF, or a number, by
 * `set_kind`. With it the first channel can be commanded, and has the commanded value until `command` prints another.
 *
 * A program has until shortly before the device's `deadline`; then its process group is killed, as are children that
 * it leaves behind in it. It runs in the agent's sandbox, in "/", with PATH and LANG alone in its environment, without
 * input and without the agent's descriptors. Its stderr is discarded, but for the last line when it fails.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sconce/plugin.h>

#define CHANNELS_MAX  16
#define WORDS_MAX     64
#define KEY_SIZE      64
#define TEXT_SIZE     256
#define OUTPUT_MAX    (64 * 1024)
#define LOOK_US       20000  /* between looks for the end of a process, without a pidfd */
#define MARGIN_MAX_US 500000 /* what is left of the deadline for killing and reporting */

enum output { PLAIN, JSON };
enum set_kind { SET_SWITCH, SET_NUMBER };

struct channel {
        char key[KEY_SIZE];
        enum sconce_kind kind;
};

struct exec {
        struct sconce_list command, set, names;
        int output, set_kind;
        double min, max;

        struct channel channels[CHANNELS_MAX];
        size_t count;
};

static const char *const outputs[] = { "plain", "json", NULL };
static const char *const set_kinds[] = { "switch", "number", NULL };

static const struct sconce_option options[] = {
        SCONCE_OPTION_LIST(struct exec, command, SCONCE_TYPE_STRING, "command", 0,
                           "The program that is read, by its full path, and its arguments"),
        SCONCE_OPTION_ENUM(struct exec, output, "output", 0, "What it prints: one plain value, or one flat JSON object",
                           .choices = outputs, .def = "plain", .needs = "command"),
        SCONCE_OPTION_LIST(struct exec, names, SCONCE_TYPE_STRING, "channels", 0,
                           "KEY[:number|bool|text] [UNIT [CLASS]] for each channel; by default value, or with "
                           "`set` state"),
        SCONCE_OPTION_LIST(struct exec, set, SCONCE_TYPE_STRING, "set", 0,
                           "The program that sets the first channel, and its arguments; the value comes last"),
        SCONCE_OPTION_ENUM(struct exec, set_kind, "set_kind", 0, "What it is given: ON and OFF, or a number",
                           .choices = set_kinds, .def = "switch", .needs = "set"),
        SCONCE_OPTION_FLOAT(struct exec, min, "min", 0, "The lowest number that is set", .def = "0",
                            .needs = "set_kind"),
        SCONCE_OPTION_FLOAT(struct exec, max, "max", 0, "The highest number that is set", .def = "100",
                            .needs = "set_kind"),
        { .key = NULL },
};

/* ---- The options --------------------------------------------------------------------------------------- */

static int check_words(struct sconce_device *dev, const char *key, const struct sconce_list *words)
{
        const char *const *items = words->items;

        if (words->count == 0)
                return 0;
        if (items[0][0] != '/') {
                sconce_error(dev, "%s: \"%s\" is not a full path: no shell searches for it", key, items[0]);
                return -EINVAL;
        }
        if (words->count == 1 && strpbrk(items[0], " ,")) {
                sconce_error(dev, "%s: \"%s\" is one word; arguments are written [%s]", key, items[0],
                             "/path/to/program, argument");
                return -EINVAL;
        }
        if (words->count > WORDS_MAX) {
                sconce_error(dev, "%s: more than %d words", key, WORDS_MAX);
                return -EINVAL;
        }
        return 0;
}

/* A row from "KEY[:KIND] [UNIT [CLASS]]"; its words stay in `text`. */
static int parse_name(char *text, struct sconce_channel *row)
{
        static const struct {
                const char *word;
                enum sconce_kind kind;
        } kinds[] = { { "number", SCONCE_SENSOR }, { "bool", SCONCE_BINARY_SENSOR }, { "text", SCONCE_TEXT } };
        char *rest = NULL;

        char *key = strtok_r(text, " \t", &rest);
        row->key = key;
        row->unit = strtok_r(NULL, " \t", &rest);
        row->device_class = strtok_r(NULL, " \t", &rest);
        row->kind = SCONCE_SENSOR;
        if (!key || strtok_r(NULL, " \t", &rest))
                return -EINVAL;
        char *kind = strchr(key, ':');
        if (!kind)
                return 0;
        *kind++ = '\0';
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
                if (strcmp(kinds[i].word, kind) == 0) {
                        row->kind = kinds[i].kind;
                        return 0;
                }
        }
        return -EINVAL;
}

static int add_channel(struct sconce_device *dev, struct exec *exec, const char *name)
{
        struct sconce_channel row = { .help = "As the program prints it" };
        char words[TEXT_SIZE];

        int r = snprintf(words, sizeof(words), "%s", name) < (int)sizeof(words) ? parse_name(words, &row) : -EINVAL;
        if (r == 0 && strlen(row.key) >= KEY_SIZE)
                r = -EINVAL;
        if (r == 0 && exec->set.count > 0 && exec->count == 0) {
                row.kind = exec->set_kind == SET_SWITCH ? SCONCE_SWITCH : SCONCE_NUMBER;
                row.min = exec->set_kind == SET_SWITCH ? 0 : exec->min;
                row.max = exec->set_kind == SET_SWITCH ? 0 : exec->max;
        }
        if (r == 0)
                r = sconce_channel_add(dev, &row);
        if (r < 0) {
                sconce_error(dev,
                             "channels: \"%s\" is invalid: KEY[:number|bool|text] [UNIT [CLASS]], the key of a-z, "
                             "0-9 and _",
                             name);
                return r;
        }
        struct channel *channel = &exec->channels[exec->count++];
        (void)snprintf(channel->key, sizeof(channel->key), "%s", row.key);
        channel->kind = row.kind;
        return 0;
}

static int check_options(struct sconce_device *dev, const struct exec *exec)
{
        const char *wrong = NULL;

        if (exec->command.count == 0 && exec->set.count == 0)
                wrong = "command, or set, or both are needed";
        else if (exec->names.count > CHANNELS_MAX)
                wrong = "channels: more than 16";
        else if (exec->output == PLAIN && exec->names.count > 1)
                wrong = "channels: plain output has one channel; for several write output = json";
        else if (exec->set_kind == SET_SWITCH && (exec->min != 0 || exec->max != 100))
                wrong = "min and max are for set_kind = number";
        else if (exec->min > exec->max)
                wrong = "min is above max";
        if (wrong)
                sconce_error(dev, "%s", wrong);
        return wrong ? -EINVAL : 0;
}

/* Mostly a mistake, but the program may come later. */
static void warn_of_program(struct sconce_device *dev, const char *key, const struct sconce_list *words)
{
        const char *const *items = words->items;

        if (words->count > 0 && access(items[0], X_OK) < 0)
                sconce_log(dev, SCONCE_LOG_WARNING, "%s: %s cannot be run: %s", key, items[0], strerror(errno));
}

static int exec_configure(struct sconce_device *dev, void *instance)
{
        struct exec *exec = instance;
        const char *const *names = exec->names.items;

        exec->count = 0;
        int r = check_words(dev, "command", &exec->command);
        if (r == 0)
                r = check_words(dev, "set", &exec->set);
        if (r == 0)
                r = check_options(dev, exec);
        if (r == 0 && exec->names.count == 0)
                r = add_channel(dev, exec, exec->set.count > 0 ? "state" : "value");
        for (size_t i = 0; r == 0 && i < exec->names.count; i++)
                r = add_channel(dev, exec, names[i]);
        if (r < 0)
                return r;
        warn_of_program(dev, "command", &exec->command);
        warn_of_program(dev, "set", &exec->set);
        return 0;
}

/* ---- Running a program --------------------------------------------------------------------------------- */

struct run {
        struct sconce_device *dev;
        const char *name; /* for people */
        pid_t pid;
        int pidfd, out, err;
        uint64_t until_us; /* CLOCK_MONOTONIC */
        bool has_ended;
        char *text;                     /* OUTPUT_MAX + 1 */
        size_t size;                    /* above OUTPUT_MAX: too much */
        char line[200], last_line[200]; /* of stderr: the one being printed, the one before */
        size_t line_size;
};

static uint64_t monotonic_us(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void close_fd(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
        *fd = -1;
}

/* Our end never blocks; the program's is as it expects. */
static int make_pipe(int *ret_read, int *ret_write)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
        *ret_read = fds[0];
        *ret_write = fds[1];
        return 0;
}

/* Signals are reset: a program does not expect those that this thread blocks and the agent ignores. */
static int spawn(char *const *words, int out, int err, pid_t *ret_pid)
{
        static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        static char language[] = "LANG=C.UTF-8";
        static char *const environment[] = { path, language, NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, all;

        (void)sigemptyset(&none);
        (void)sigfillset(&all);
        (void)posix_spawnattr_init(&attributes);
        (void)posix_spawnattr_setflags(&attributes,
                                       POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        (void)posix_spawn_file_actions_init(&actions);
        int r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        if (r == 0)
                r = posix_spawn_file_actions_addchdir_np(&actions, "/");
        if (r == 0)
                r = posix_spawn(ret_pid, words[0], &actions, &attributes, words, environment);
        (void)posix_spawn_file_actions_destroy(&actions);
        (void)posix_spawnattr_destroy(&attributes);
        return -r;
}

/* What the errno does not tell about a program that is there. */
static void explain_start(const struct run *run, const char *path, int error)
{
        char line[256] = "";
        int r = sconce_read_line(path, line, sizeof(line));
        bool is_script = r == 0 && strncmp(line, "#!", 2) == 0;
        char *interpreter = line + 2 + (is_script ? strspn(line + 2, " \t") : 0);

        if (is_script && strchr(line, '\r')) {
                sconce_error(run->dev,
                             "%s: cannot be run: its first line ends in a carriage return, as text files of "
                             "Windows do, and \"%.*s\\r\" is not a program; save it with Unix line ends",
                             path, (int)strcspn(interpreter, " \t\r"), interpreter);
                return;
        }
        interpreter[is_script ? strcspn(interpreter, " \t") : 0] = '\0';
        if (error == -ENOENT && is_script && access(interpreter, F_OK) < 0)
                sconce_error(run->dev, "%s: cannot be run: its first line asks for %s, which is not there", path,
                             interpreter);
        else if (error == -ENOEXEC)
                sconce_error(run->dev,
                             "%s: cannot be run: it is not a program for this machine, and does not begin with #!",
                             path);
        else if (error == -EACCES && access(path, F_OK) == 0 && access(path, X_OK) < 0)
                sconce_error(run->dev, "%s: cannot be run: it is not executable (chmod +x) by the user of this program",
                             path);
        else
                sconce_error(run->dev, "%s: cannot be run: %s", path, strerror(-error));
}

static int start_program(struct run *run, char *const *words)
{
        int out = -1, err = -1;

        int r = make_pipe(&run->out, &out);
        if (r == 0)
                r = make_pipe(&run->err, &err);
        if (r == 0)
                r = spawn(words, out, err, &run->pid);
        close_fd(&out);
        close_fd(&err);
        if (r < 0) {
                explain_start(run, words[0], r);
                return r;
        }
        run->pidfd = pidfd_open(run->pid, 0); /* -1 on kernels before 5.3 */
        return 0;
}

static void keep_line(struct run *run, const char *chunk, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                if (chunk[i] != '\n') {
                        if (run->line_size + 1 < sizeof(run->line))
                                run->line[run->line_size++] = chunk[i] ? chunk[i] : '?';
                        continue;
                }
                run->line[run->line_size] = '\0';
                if (run->line_size > 0)
                        memcpy(run->last_line, run->line, sizeof(run->last_line));
                run->line_size = 0;
        }
}

/* One read of what is there. Returns its size; 0: nothing more, now or ever. */
static size_t take_some(struct run *run, int *fd)
{
        bool is_out = fd == &run->out;
        char chunk[4096];

        if (*fd < 0)
                return 0;
        ssize_t n = read(*fd, chunk, sizeof(chunk));
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                close_fd(fd);
        if (n <= 0)
                return 0;
        if (!is_out) {
                keep_line(run, chunk, (size_t)n);
                return (size_t)n;
        }
        size_t room = OUTPUT_MAX - run->size, taken = (size_t)n < room ? (size_t)n : room;
        memcpy(run->text + run->size, chunk, taken);
        run->size += taken + ((size_t)n > room); /* OUTPUT_MAX + 1: too much */
        return (size_t)n;
}

/* It stays a zombie, which keeps its pid. */
static bool has_ended(const struct run *run)
{
        siginfo_t info = { 0 };

        return waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == run->pid;
}

/* Until it ends, its time is over, or it has printed too much. A child of its own may hold the pipes open longer, so
 * this waits for the process. */
static void follow(struct run *run)
{
        while (!run->has_ended && run->size <= OUTPUT_MAX) {
                struct pollfd fds[] = { { .fd = run->pidfd, .events = POLLIN },
                                        { .fd = run->out, .events = POLLIN },
                                        { .fd = run->err, .events = POLLIN } };
                uint64_t now_us = monotonic_us();
                if (now_us >= run->until_us)
                        return;
                uint64_t wait_us = run->until_us - now_us;
                if (run->pidfd < 0 && wait_us > LOOK_US)
                        wait_us = LOOK_US;
                (void)poll(fds, 3, (int)(wait_us / 1000) + 1);
                (void)take_some(run, &run->out);
                (void)take_some(run, &run->err);
                run->has_ended = has_ended(run);
        }
}

/* Kills what is left of its group while the zombie's pid still reserves the group's number, then reads the rest of the
 * output. Returns the status. */
static int end_program(struct run *run)
{
        int status = 0;

        (void)kill(-run->pid, SIGKILL);
        (void)kill(run->pid, SIGKILL); /* it may have left its group */
        while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
                ;
        for (size_t left = 2 * OUTPUT_MAX / 4096; left > 0 && run->size <= OUTPUT_MAX; left--)
                if (take_some(run, &run->out) + take_some(run, &run->err) == 0)
                        break;
        keep_line(run, "\n", 1);
        return status;
}

static int judge(const struct run *run, int status, uint64_t limit_us)
{
        const char *colon = run->last_line[0] ? ": " : "";

        if (run->size > OUTPUT_MAX) {
                sconce_error(run->dev, "%s: prints more than %d KiB", run->name, OUTPUT_MAX / 1024);
                return -EFBIG;
        }
        if (!run->has_ended) {
                sconce_error(run->dev, "%s: was killed: it has not ended within %.3g s%s%s", run->name,
                             (double)limit_us / 1e6, colon, run->last_line);
                return -ETIMEDOUT;
        }
        if (WIFSIGNALED(status)) {
                const char *name = sigabbrev_np(WTERMSIG(status));
                sconce_error(run->dev, "%s: ended by signal %d (SIG%s)%s%s", run->name, WTERMSIG(status),
                             name ? name : "?", colon, run->last_line);
                return -EIO;
        }
        if (WEXITSTATUS(status) != 0) {
                sconce_error(run->dev, "%s: ended with status %d%s%s", run->name, WEXITSTATUS(status), colon,
                             run->last_line);
                return -EIO;
        }
        return 0;
}

static uint64_t time_limit_us(struct sconce_device *dev)
{
        uint64_t deadline_us = sconce_deadline_us(dev), margin_us = deadline_us / 10;

        if (deadline_us == 0)
                return 10 * 1000000ULL;
        return deadline_us - (margin_us < MARGIN_MAX_US ? margin_us : MARGIN_MAX_US);
}

/* Runs a program to its end; free() the text that it printed. `value` is its last argument, NULL: none. */
static int run_program(struct sconce_device *dev, const struct sconce_list *list, const char *value, char **ret_text,
                       size_t *ret_size)
{
        const char *const *items = list->items;
        const char *words[WORDS_MAX + 2] = { NULL };
        uint64_t limit_us = time_limit_us(dev);
        struct run run = { .dev = dev, .pidfd = -1, .out = -1, .err = -1, .until_us = monotonic_us() + limit_us };

        memcpy(words, items, list->count * sizeof(*words));
        words[list->count] = value;
        run.name = strrchr(words[0], '/') + 1;
        run.text = malloc(OUTPUT_MAX + 2);
        if (!run.text)
                return -ENOMEM;
        int r = start_program(&run, (char *const *)(uintptr_t)words);
        if (r == 0)
                follow(&run);
        int status = run.pid > 0 ? end_program(&run) : 0;
        if (r == 0)
                r = judge(&run, status, limit_us);
        close_fd(&run.pidfd);
        close_fd(&run.out);
        close_fd(&run.err);
        if (r < 0) {
                free(run.text);
                return r;
        }
        run.text[run.size] = '\0';
        *ret_text = run.text;
        *ret_size = run.size;
        return 0;
}

/* ---- What it printed ----------------------------------------------------------------------------------- */

/* One value, of whatever type it is written in. */
struct token {
        enum { TOKEN_NULL, TOKEN_BOOL, TOKEN_NUMBER, TOKEN_TEXT } type;
        bool on, is_cut; /* a text that is longer than fits */
        double number;
        char text[TEXT_SIZE];
};

static bool is_utf8(const char *text)
{
        static const struct {
                unsigned char mask, lead;
                uint32_t least;
        } forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };

        while (*text) {
                const unsigned char lead = (unsigned char)*text++;
                size_t more = 0;
                while (more < 4 && (lead & forms[more].mask) != forms[more].lead)
                        more++;
                if (more == 4)
                        return false;
                uint32_t code = lead & (unsigned char)~forms[more].mask;
                for (size_t i = 0; i < more; i++, text++) {
                        if (((unsigned char)*text & 0xc0) != 0x80)
                                return false;
                        code = code << 6 | ((unsigned char)*text & 0x3f);
                }
                if (code < forms[more].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                        return false;
        }
        return true;
}

/* JSON's own grammar: no "+1", ".5", "0x10", "nan". */
static int parse_number(const char **at, double *ret)
{
        static const char digits[] = "0123456789";
        const char *end = *at + (**at == '-');
        size_t whole = strspn(end, digits);

        if (whole == 0 || (whole > 1 && *end == '0'))
                return -EBADMSG;
        end += whole;
        if (*end == '.') {
                size_t fraction = strspn(++end, digits);
                if (fraction == 0)
                        return -EBADMSG;
                end += fraction;
        }
        if (*end == 'e' || *end == 'E') {
                end++;
                end += *end == '+' || *end == '-';
                size_t exponent = strspn(end, digits);
                if (exponent == 0)
                        return -EBADMSG;
                end += exponent;
        }
        double number = strtod(*at, NULL);
        if (!isfinite(number))
                return -EBADMSG;
        *at = end;
        *ret = number;
        return 0;
}

static int parse_hex4(const char **at, uint32_t *ret)
{
        uint32_t code = 0;

        for (int i = 0; i < 4; i++, ++*at) {
                if (!isxdigit((unsigned char)**at))
                        return -EBADMSG;
                code = code << 4 | (uint32_t)(**at <= '9' ? **at - '0' : (**at | 0x20) - 'a' + 10);
        }
        *ret = code;
        return 0;
}

/* Behind "\u": a character, or two halves of one. */
static int parse_unicode(const char **at, uint32_t *ret)
{
        uint32_t code, low;

        if (parse_hex4(at, &code) < 0 || code == 0 || (code >= 0xdc00 && code < 0xe000))
                return -EBADMSG;
        if (code >= 0xd800 && code < 0xdc00) {
                if (strncmp(*at, "\\u", 2) != 0)
                        return -EBADMSG;
                *at += 2;
                if (parse_hex4(at, &low) < 0 || low < 0xdc00 || low >= 0xe000)
                        return -EBADMSG;
                code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
        }
        *ret = code;
        return 0;
}

/* As UTF-8; how many bytes. */
static size_t encode(uint32_t code, char bytes[static 4])
{
        if (code < 0x80) {
                bytes[0] = (char)code;
                return 1;
        }
        size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        for (size_t i = more; i > 0; i--, code >>= 6)
                bytes[i] = (char)(0x80 | (code & 0x3f));
        bytes[0] = (char)(0xff00 >> (more + 1) | code);
        return more + 1;
}

/* One character of a string, unescaped. */
static int parse_character(const char **at, char bytes[static 4], size_t *ret_count)
{
        static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
        uint32_t code;

        if ((unsigned char)**at < 0x20)
                return -EBADMSG; /* the end, too */
        *ret_count = 1;
        if (**at != '\\') {
                bytes[0] = *(*at)++;
                return 0;
        }
        const char letter = *++*at;
        for (const char *escape = escapes; *escape; escape += 2) {
                if (*escape == letter) {
                        bytes[0] = escape[1];
                        ++*at;
                        return 0;
                }
        }
        if (letter != 'u')
                return -EBADMSG;
        ++*at;
        int r = parse_unicode(at, &code);
        if (r == 0)
                *ret_count = encode(code, bytes);
        return r;
}

static int parse_string(const char **at, char text[static TEXT_SIZE], bool *ret_is_cut)
{
        size_t size = 0, count;
        char bytes[4];

        *ret_is_cut = false;
        if (**at != '"')
                return -EBADMSG;
        ++*at;
        while (**at != '"') {
                int r = parse_character(at, bytes, &count);
                if (r < 0)
                        return r;
                if (size + count >= TEXT_SIZE)
                        *ret_is_cut = true;
                else
                        memcpy(text + size, bytes, count);
                size += *ret_is_cut ? 0 : count;
        }
        ++*at;
        text[size] = '\0';
        return 0;
}

static int parse_value(const char **at, struct token *token)
{
        static const struct {
                const char *word;
                int type;
                bool on;
        } words[] = { { "true", TOKEN_BOOL, true }, { "false", TOKEN_BOOL, false }, { "null", TOKEN_NULL, false } };

        *token = (struct token){ .type = TOKEN_NULL };
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                size_t length = strlen(words[i].word);
                if (strncmp(*at, words[i].word, length) == 0) {
                        token->type = words[i].type;
                        token->on = words[i].on;
                        *at += length;
                        return 0;
                }
        }
        if (**at == '"') {
                token->type = TOKEN_TEXT;
                return parse_string(at, token->text, &token->is_cut);
        }
        token->type = TOKEN_NUMBER;
        return parse_number(at, &token->number);
}

static void skip_blanks(const char **at)
{
        *at += strspn(*at, " \t\r\n");
}

typedef int (*member_fn)(void *userdata, const char *key, const struct token *token);

/* How far an object has been read. */
struct cursor {
        const char *at;
        char key[TEXT_SIZE]; /* of the member that is being read; "": none yet */
};

/* "key": with the blanks around it. */
static int parse_key(struct cursor *cursor, bool *ret_is_cut)
{
        char key[TEXT_SIZE];

        skip_blanks(&cursor->at);
        if (parse_string(&cursor->at, key, ret_is_cut) < 0)
                return -EBADMSG;
        memcpy(cursor->key, key, TEXT_SIZE);
        skip_blanks(&cursor->at);
        if (*cursor->at != ':')
                return -EBADMSG;
        cursor->at++;
        skip_blanks(&cursor->at);
        return 0;
}

/* One flat object and nothing else. -EBADMSG: it is none, from `cursor` on; else what `member` returned. */
static int parse_object(struct cursor *cursor, member_fn member, void *userdata)
{
        struct token token;
        bool is_cut;

        skip_blanks(&cursor->at);
        if (!is_utf8(cursor->at) || *cursor->at != '{')
                return -EBADMSG;
        cursor->at++;
        skip_blanks(&cursor->at);
        for (bool first = true; *cursor->at != '}'; first = false) {
                if (!first && *cursor->at != ',')
                        return -EBADMSG;
                cursor->at += !first;
                int r = parse_key(cursor, &is_cut);
                if (r == 0)
                        r = parse_value(&cursor->at, &token);
                if (r == 0 && !is_cut)
                        r = member(userdata, cursor->key, &token);
                if (r < 0)
                        return r;
                skip_blanks(&cursor->at);
        }
        cursor->at++;
        skip_blanks(&cursor->at);
        return *cursor->at ? -EBADMSG : 0;
}

/* ---- From what it printed to channels ------------------------------------------------------------------ */

struct reading {
        struct sconce_device *dev;
        const struct exec *exec;
        struct sconce_value values[CHANNELS_MAX];
        char texts[CHANNELS_MAX][TEXT_SIZE];
        bool is_there[CHANNELS_MAX];
        size_t count;    /* of those that are there */
        bool is_refused; /* and the error is set */
};

/* Plain programs print words, or 1 and 0. */
static bool to_bool(const struct token *token, bool *ret)
{
        static const struct {
                const char *word;
                bool on;
        } words[] = { { "on", true },     { "off", false }, { "true", true },
                      { "false", false }, { "1", true },    { "0", false } };

        *ret = token->type == TOKEN_BOOL ? token->on : token->number == 1;
        if (token->type == TOKEN_BOOL || (token->type == TOKEN_NUMBER && (token->number == 0 || token->number == 1)))
                return true;
        for (size_t i = 0; token->type == TOKEN_TEXT && i < sizeof(words) / sizeof(words[0]); i++) {
                if (strcasecmp(words[i].word, token->text) == 0) {
                        *ret = words[i].on;
                        return true;
                }
        }
        return false;
}

static int refuse(struct reading *reading, const char *key, const char *what)
{
        reading->is_refused = true;
        sconce_error(reading->dev, "%s: the program's output is not %s", key, what);
        return -EBADMSG;
}

static int take_value(struct reading *reading, size_t at, const struct token *token)
{
        const struct channel *channel = &reading->exec->channels[at];
        struct sconce_value *value = &reading->values[at];
        bool on;

        if (reading->is_there[at])
                return refuse(reading, channel->key, "a single value");
        reading->is_there[at] = true;
        reading->count++;
        if (token->type == TOKEN_NULL)
                return 0;
        switch (channel->kind) {
        case SCONCE_SENSOR:
        case SCONCE_NUMBER:
                if (token->type != TOKEN_NUMBER)
                        return refuse(reading, channel->key, "a number");
                *value = SCONCE_NUM(channel->key, token->number);
                return 0;
        case SCONCE_TEXT:
                if (token->type != TOKEN_TEXT || token->is_cut)
                        return refuse(reading, channel->key, "text of at most 255 bytes");
                memcpy(reading->texts[at], token->text, TEXT_SIZE);
                *value = SCONCE_STR(channel->key, reading->texts[at]);
                return 0;
        default:
                if (!to_bool(token, &on))
                        return refuse(reading, channel->key, "ON or OFF");
                *value = SCONCE_BOOL(channel->key, on);
                return 0;
        }
}

/* Members that are no channel are ignored. */
static int take_member(void *userdata, const char *key, const struct token *token)
{
        struct reading *reading = userdata;

        for (size_t i = 0; i < reading->exec->count; i++)
                if (strcmp(reading->exec->channels[i].key, key) == 0)
                        return take_value(reading, i, token);
        return 0;
}

static int take_plain(struct reading *reading, char *text)
{
        struct token token = { .type = TOKEN_TEXT };
        const char *at;

        text += strspn(text, " \t\r\n");
        size_t size = strlen(text);
        while (size > 0 && strchr(" \t\r\n", text[size - 1]))
                size--;
        text[size] = '\0';
        at = text;
        if (size == 0 || !is_utf8(text))
                return refuse(reading, reading->exec->channels[0].key, "a value");
        if (reading->exec->channels[0].kind != SCONCE_TEXT && parse_number(&at, &token.number) == 0 && !*at)
                token.type = TOKEN_NUMBER;
        token.is_cut = snprintf(token.text, sizeof(token.text), "%s", text) >= (int)sizeof(token.text);
        return take_value(reading, 0, &token);
}

/* `cursor` is where the object is not one. */
static void explain_json(const struct reading *reading, const char *text, const struct cursor *cursor)
{
        bool is_nested = *cursor->at == '{' || *cursor->at == '[';

        if (!cursor->key[0] || (!is_nested && reading->count == 0))
                sconce_error(reading->dev, "the program's output is not a flat JSON object: \"%.60s\"", text);
        else if (is_nested)
                sconce_error(reading->dev,
                             "%s: the program prints %s, and only an object of plain values can be read: "
                             "numbers, texts, true, false and null",
                             cursor->key, *cursor->at == '{' ? "an object in an object" : "a list");
        else
                sconce_error(reading->dev, "%s: the program's output from here on is not JSON: \"%.40s\"", cursor->key,
                             cursor->at);
}

static int take_output(struct reading *reading, char *text, size_t size)
{
        if (memchr(text, '\0', size))
                return refuse(reading, reading->exec->channels[0].key, "text: it has a NUL");
        if (reading->exec->output == PLAIN)
                return take_plain(reading, text);
        struct cursor cursor = { .at = text };
        int r = parse_object(&cursor, take_member, reading);
        if (r == -EBADMSG && !reading->is_refused)
                explain_json(reading, text, &cursor);
        return r;
}

/* ---- Callbacks ----------------------------------------------------------------------------------------- */

static int exec_start(struct sconce_device *dev, void *instance)
{
        (void)dev, (void)instance;
        return 0;
}

static int exec_read(struct sconce_device *dev, void *instance)
{
        const struct exec *exec = instance;
        struct reading reading = { .dev = dev, .exec = exec };
        char *text;
        size_t size;

        if (exec->command.count == 0)
                return 0;
        for (size_t i = 0; i < exec->count; i++)
                reading.values[i] = SCONCE_NONE(exec->channels[i].key);
        int r = run_program(dev, &exec->command, NULL, &text, &size);
        if (r < 0)
                return r;
        r = take_output(&reading, text, size);
        free(text);
        if (r == 0 && reading.count == 0) {
                sconce_error(dev, "the program prints none of the channels");
                r = -ENODATA;
        }
        /* The commanded value stands until the program prints another. */
        size_t first = exec->set.count > 0 && !reading.is_there[0];
        return r < 0 ? r : sconce_report(dev, reading.values + first, exec->count - first);
}

static int exec_command(struct sconce_device *dev, void *instance, const struct sconce_command *command)
{
        const struct exec *exec = instance;
        const struct sconce_value *value = sconce_command_find(command, exec->channels[0].key);
        char number[32], *text;
        size_t size;

        if (!value)
                return 0;
        (void)snprintf(number, sizeof(number), "%.15g", value->number);
        const char *word = value->type == SCONCE_VALUE_NUMBER ? number : value->on ? "ON" : "OFF";
        int r = run_program(dev, &exec->set, word, &text, &size);
        if (r < 0)
                return r;
        free(text);
        return sconce_report(dev, value, 1);
}

static const struct sconce_plugin exec = {
        .name = "exec",
        .summary = "Your own program that prints what it measures, or switches something",
        .flags = SCONCE_BLOCKING,
        .instance_size = sizeof(struct exec),
        .options = options,
        .every = "1m",
        .deadline = "10s",
        .configure = exec_configure,
        .start = exec_start,
        .command = exec_command,
        .read = exec_read,
};
SCONCE_PLUGIN(exec)
