/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1 of the kernel ring: sets up the file systems and the loopback interface, runs the command that
 * tests/kernel/run has left, writes its exit status where run finds it, and powers off.
 *
 * The root file system is the host's, read-only. Only the directories listed in the file "mounts" write
 * through to the host. Linked statically, because the root may hold another C library than the one it was
 * built with.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Where the directory that run made, SCONCE_KERNEL_DIR on the host, is seen inside. */
#define EXCHANGE_DIR "/run/kernel"

struct file_system {
        const char *type;
        const char *target;
        const char *options;
};

/* In this order: what stands on top of another comes later. */
static const struct file_system file_systems[] = {
        { "proc", "/proc", NULL },
        { "sysfs", "/sys", NULL },
        { "devtmpfs", "/dev", NULL },
        { "configfs", "/sys/kernel/config", NULL },
        { "debugfs", "/sys/kernel/debug", NULL },
        { "tmpfs", "/run", "mode=0755" },
        { "tmpfs", "/tmp", "mode=1777" },
        { "devpts", "/dev/pts", "ptmxmode=0666" },
        { "tmpfs", "/dev/shm", "mode=1777" },
};

/* Keeps the kernel's "System halted" out of the command's output. */
static void silence_kernel(void)
{
        FILE *file = fopen("/proc/sys/kernel/printk", "we");

        if (file) {
                fputs("0\n", file);
                fclose(file);
        }
}

static void power_off(void)
{
        silence_kernel();
        sync();
        reboot(RB_POWER_OFF);
}

__attribute__((noreturn)) static void die(const char *what, const char *subject)
{
        fprintf(stderr, "kernel/init: cannot %s %s: %s\n", what, subject, strerror(errno));
        power_off();
        abort();
}

/* Makes a directory and its parents where the file system allows it; the mount that follows reports when it did
 * not. */
static void make_directories(const char *path)
{
        char part[4096];

        for (size_t i = 1; i < sizeof(part) - 1 && path[i - 1]; i++)
                if (path[i] == '/' || !path[i]) {
                        memcpy(part, path, i);
                        part[i] = '\0';
                        mkdir(part, 0755);
                }
}

static void mount_or_die(const char *type, const char *target, const char *options)
{
        make_directories(target);
        if (mount("none", target, type, 0, options) < 0)
                die("mount", target);
}

/* "HOST-DIRECTORY<tab>DIRECTORY" a line: what of the host is writable, and where. */
static void mount_writable_directories(void)
{
        char line[8192];
        FILE *file = fopen(EXCHANGE_DIR "/mounts", "re");

        if (!file)
                die("open", EXCHANGE_DIR "/mounts");
        while (fgets(line, sizeof(line), file)) {
                char *target = strchr(line, '\t');

                if (!target)
                        continue;
                *target++ = '\0';
                target[strcspn(target, "\n")] = '\0';
                mount_or_die("hostfs", target, line);
        }
        fclose(file);
}

static void bring_up_loopback(void)
{
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                die("bring up", "lo");
        close(fd);
}

/* Output goes to the host as it is written: no carriage returns added, nothing to read. */
static void set_up_console(void)
{
        struct termios settings;
        int null = open("/dev/null", O_RDONLY);

        if (null < 0 || dup2(null, STDIN_FILENO) < 0)
                die("open", "/dev/null");
        close(null);
        if (tcgetattr(STDOUT_FILENO, &settings) == 0) {
                settings.c_oflag &= ~(tcflag_t)OPOST;
                tcsetattr(STDOUT_FILENO, TCSANOW, &settings);
        }
}

static void link_descriptors(void)
{
        static const char *const links[][2] = {
                { "/proc/self/fd", "/dev/fd" },
                { "/proc/self/fd/0", "/dev/stdin" },
                { "/proc/self/fd/1", "/dev/stdout" },
                { "/proc/self/fd/2", "/dev/stderr" },
        };

        for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
                if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
                        die("make", links[i][1]);
}

/* Runs the command and collects the orphans that it leaves, as PID 1 must. Returns a shell's kind of exit
 * status. */
static int run_command(void)
{
        const struct rlimit no_core = { 0, 0 };
        int status = 0;
        pid_t ended, child = fork();

        if (child < 0)
                die("fork for", "the command");
        if (child == 0) {
                setsid();
                setrlimit(RLIMIT_CORE, &no_core);
                execl("/bin/sh", "sh", EXCHANGE_DIR "/command", (char *)NULL);
                _exit(127);
        }
        do
                ended = wait(&status);
        while (ended != child && (ended > 0 || errno == EINTR));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Written under another name and renamed: run takes a file that is there for the whole answer. */
static void write_status(int status)
{
        FILE *file = fopen(EXCHANGE_DIR "/status.new", "we");

        if (!file || fprintf(file, "%d\n", status) < 0 || fclose(file) != 0 ||
            rename(EXCHANGE_DIR "/status.new", EXCHANGE_DIR "/status") < 0)
                die("write", EXCHANGE_DIR "/status");
}

static void touch(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0)
                die("write", path);
        close(fd);
}

int main(void)
{
        const char *exchange_dir = getenv("SCONCE_KERNEL_DIR");

        if (!exchange_dir || getpid() != 1) {
                fprintf(stderr, "kernel/init: started by tests/kernel/run inside the kernel, not by hand\n");
                return 1;
        }
        umask(022);
        for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++)
                mount_or_die(file_systems[i].type, file_systems[i].target, file_systems[i].options);
        mount_or_die("hostfs", EXCHANGE_DIR, exchange_dir);
        touch(EXCHANGE_DIR "/started");
        mount_writable_directories();
        link_descriptors();
        set_up_console();
        bring_up_loopback();
        if (sethostname("sconce-kernel", strlen("sconce-kernel")) < 0)
                die("set", "the host name");
        write_status(run_command());
        power_off();
        return 1;
}
