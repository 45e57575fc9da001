/* SPDX-License-Identifier: Apache-2.0 */
#include "pi/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/pump.h"
#include "system/workdir.h"

#define BOOT_WITHIN_MS   120000U
#define COMMAND_WITHIN_S 60U
#define COMMAND_BYTES    4000

/* ---- The card ------------------------------------------------------------------------------------------ */

static void run(const char *const argv[])
{
        int status;
        struct process *process = process_run(argv, NULL, &status);

        if (status != 0)
                give_up("%s ended with status %d", argv[0], status);
        process_free(process);
}

static void put_file(const char *card, const char *file)
{
        const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
        char command[2048];
        int status;

        (void)snprintf(command, sizeof(command), "write %s /srv/%s", file, name);
        const char *const argv[] = { "debugfs", "-w", "-R", command, card, NULL };
        struct process *process = process_run(argv, NULL, &status);
        /* debugfs has no other way to fail than to report it. */
        if (status != 0 || strstr(process->err.text, ": "))
                give_up("debugfs could not put %s on the card", file);
        process_free(process);
}

struct board *board_new(const char *image, const char *const files[])
{
        struct board *board = calloc(1, sizeof(*board));
        char root[1024];

        if (!board)
                give_up("out of memory");
        board->image = image;
        board->card = work_path("card.img");
        board->input = -1;
        (void)snprintf(root, sizeof(root), "%s/root.img", image);
        const char *const copy[] = { "cp", "--sparse=always", root, board->card, NULL };
        run(copy);
        for (size_t i = 0; files[i]; i++)
                put_file(board->card, files[i]);
        return board;
}

void board_free(struct board *board)
{
        if (!board)
                return;
        process_free(board->process);
        if (board->input >= 0)
                (void)close(board->input);
        free(board->output);
        free(board);
}

/* ---- Power --------------------------------------------------------------------------------------------- */

/* In the child: the serial line comes from the FIFO, and goes where a wait that fails shows it. */
static int connect_line(void *userdata)
{
        const char *fifo = userdata;
        int fd = open(fifo, O_RDWR);

        if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
                return -1;
        return 0;
}

void board_start(struct board *board)
{
        char *fifo = strdup(work_path("serial"));

        if (!fifo || mkfifo(fifo, 0600) < 0 || (board->input = open(fifo, O_RDWR | O_CLOEXEC)) < 0)
                give_up("cannot make %s: %s", fifo, strerror(errno));
        const char *const argv[] = { source_path("tests/pi/emulate"), board->image, board->card, NULL };
        board->process = process_start(
                argv, &(struct process_options){ .name = "board", .prepare = connect_line, .userdata = fifo });
        free(fifo);
        (void)process_wait_log(board->process, "@0=0", BOOT_WITHIN_MS);
}

/* ---- Commands ------------------------------------------------------------------------------------------ */

/* What stands after `prefix` on the lines that begin with it. */
static char *lines_with(const char *text, const char *prefix)
{
        char *result = calloc(1, strlen(text) + 1);
        char *end = result;

        if (!result)
                give_up("out of memory");
        for (const char *at = text; (at = strstr(at, prefix));) {
                at += strlen(prefix);
                size_t size = strcspn(at, "\r\n");
                memcpy(end, at, size);
                end += size;
                *end++ = '\n';
        }
        *end = '\0';
        return result;
}

const char *board_run(struct board *board, unsigned within_s, int *ret_status, const char *command)
{
        char line[COMMAND_BYTES], mark[32];
        unsigned id = ++board->commands;
        size_t start = board->process->err.cursor;

        int size = snprintf(line, sizeof(line), "%u %u %s\n", id, within_s * pump_patience(), command);
        if (size >= (int)sizeof(line) || strchr(command, '\n'))
                give_up("not one line of at most %d bytes: %s", COMMAND_BYTES, command);
        if (write(board->input, line, (size_t)size) != size)
                give_up("cannot write to the serial line: %s", strerror(errno));
        (void)snprintf(mark, sizeof(mark), "@%u=", id);
        const char *end = process_wait_log(board->process, mark, (within_s + COMMAND_WITHIN_S) * 1000U);
        *ret_status = atoi(strstr(end, mark) + strlen(mark));
        (void)snprintf(mark, sizeof(mark), "@%u|", id);
        free(board->output);
        board->output = lines_with(board->process->err.text + start, mark);
        return board->output;
}

const char *board_do(struct board *board, const char *format, ...)
{
        char command[COMMAND_BYTES];
        va_list arguments;
        int status;

        va_start(arguments, format);
        (void)vsnprintf(command, sizeof(command), format, arguments);
        va_end(arguments);
        const char *output = board_run(board, COMMAND_WITHIN_S, &status, command);
        if (status != 0)
                give_up("on the board, status %d of: %s", status, command);
        return output;
}

void board_wait(struct board *board, unsigned within_s, const char *format, ...)
{
        char condition[COMMAND_BYTES / 2], command[COMMAND_BYTES];
        va_list arguments;
        int status;

        va_start(arguments, format);
        (void)vsnprintf(condition, sizeof(condition), format, arguments);
        va_end(arguments);
        (void)snprintf(command, sizeof(command), "until %s; do sleep 0.2; done", condition);
        (void)board_run(board, within_s, &status, command);
        if (status != 0)
                give_up("on the board, within %u s it did not come to this: %s", within_s, condition);
}
