/* SPDX-License-Identifier: Apache-2.0 */
#include "system/machine.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/pki.h"
#include "system/workdir.h"
#include "util/cleanup.h"

static void write_tool(const char *name, const char *text)
{
        write_file(work_path("tools/%s", name), "#!/bin/sh\n%s\n", text);
        assert_int_equal(chmod(work_path("tools/%s", name), 0700), 0);
}

void machine_systemctl(const char *script)
{
        write_tool("systemctl", format_text("echo systemctl \"$@\" >>\"$CALLED\"\n%s", script));
}

void machine_tools(void)
{
        make_dir(work_path("tools"));
}

void machine_make(void)
{
        static const char *const dirs[] = {
                "root",
                "root/etc",
                "root/etc/mosquitto",
                "root/etc/mosquitto/conf.d",
                "root/etc/nginx",
                "root/etc/nginx/conf.d",
                "root/run",
                "root/run/systemd",
                "root/run/systemd/system",
                "root/run/nginx",
        };
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                make_dir(work_path("%s", dirs[i]));
        write_file(work_path("called"), "%s", "");
        machine_systemctl("");
        write_tool("ss", "");
}

void machine_remove(void)
{
        static const char script[] = "for pid in \"$0/etc/sconce/pki/nginx.pid\" \"$0/etc/sconce/pki/broker.pid\"; do\n"
                                     "    [ ! -s \"$pid\" ] || { kill $(cat \"$pid\"); timeout 10 tail -s 0.02 "
                                     "--pid=$(cat \"$pid\") -f /dev/null; }\n"
                                     "done\n"
                                     "rm -rf \"$0\"";
        int status;

        process_free(process_run(WORDS("sh", "-c", script, work_path("root")), NULL, &status));
        process_free_all();
}

const char machine_real_systemctl[] =
        "etc=$SCONCE_ROOT/etc run=$SCONCE_ROOT/run pid=$SCONCE_ROOT/etc/sconce/pki/broker.pid\n"
        "nginx_pid=$SCONCE_ROOT/etc/sconce/pki/nginx.pid\n"
        "case $* in\n"
        "'restart mosquitto') ;;\n"
        "*'is-active nginx') [ -s \"$nginx_pid\" ] && kill -0 \"$(cat \"$nginx_pid\")\"; exit ;;\n"
        "'reload nginx') nginx -t && kill -HUP \"$(cat \"$nginx_pid\")\"; exit ;;\n"
        "'start nginx') nginx -t && { timeout 60 nginx -g 'daemon off;' >/dev/null 2>&1 & }; exit ;;\n"
        "*) exit 0 ;;\n"
        "esac\n"
        "if [ -s \"$pid\" ]; then\n"
        "    old=$(cat \"$pid\")\n"
        "    kill \"$old\"; timeout 10 tail -s 0.02 --pid=\"$old\" -f /dev/null\n"
        "fi\n"
        "rm -rf \"$run/conf.d\" \"$run/output\"; mkdir \"$run/conf.d\"; mkfifo \"$run/output\"\n"
        "for f in \"$etc\"/mosquitto/conf.d/*.conf; do\n"
        "    [ ! -e \"$f\" ] || sed -e \"s|/etc/sconce|$etc/sconce|; s|^listener [0-9]*$|& 127.0.0.1|; "
        "s|^global_plugin |&$SCONCE_ROOT|\" "
        "-e 's/^protocol websockets/&\\nsocket_domain ipv4/' \"$f\" >\"$run/conf.d/${f##*/}\"\n"
        "done\n"
        "printf '%s\\n' 'user root' 'persistence false' 'log_dest stderr' \"pid_file $pid\" \"include_dir "
        "$run/conf.d\" "
        ">\"$run/mosquitto.conf\"\n"
        "PATH=$PATH:/usr/sbin:/usr/local/sbin\n"
        "[ \"$(id -u)\" -eq 0 ] || sed -i /^user/d \"$run/mosquitto.conf\"\n"
        "timeout -s KILL 60 \"${SCONCE_TEST_BROKER:-mosquitto}\" -c \"$run/mosquitto.conf\" >\"$run/output\" 2>&1 &\n"
        "exec 3<\"$run/output\"\n"
        "while read -r line <&3; do\n"
        "    case $line in *' running') cat <&3 >/dev/null 2>&1 & exit 0 ;; esac\n"
        "done\n"
        "exit 1\n";

/* Its own files are made again each time, as the directory's may have changed. */
static const char nginx_tool[] =
        "etc=$SCONCE_ROOT/etc run=$SCONCE_ROOT/run/nginx\n"
        "PATH=${PATH#*:}:/usr/sbin:/usr/local/sbin\n"
        "rm -rf \"$run/conf.d\"; mkdir \"$run/conf.d\"\n"
        "for f in \"$etc\"/nginx/conf.d/*.conf; do\n"
        "    [ ! -e \"$f\" ] || sed -e \"s|/etc/sconce|$etc/sconce|; "
        "s|/usr/share|$SCONCE_ROOT/usr/share|\" "
        "-e 's|listen \\([0-9]*\\) |listen 127.0.0.1:\\1 |; /listen \\[::\\]/d' \"$f\" >\"$run/conf.d/${f##*/}\"\n"
        "done\n"
        "user=''; [ \"$(id -u)\" -ne 0 ] || user='user root;'\n"
        "cat >\"$run/nginx.conf\" <<EOF\n"
        "$user\n"
        "pid $etc/sconce/pki/nginx.pid;\n"
        "error_log $run/error.log;\n"
        "worker_processes 1;\n"
        "events { }\n"
        "http {\n"
        "    types { text/html html; application/javascript js; text/css css; application/json json; }\n"
        "    access_log off;\n"
        "    client_body_temp_path $run/body; proxy_temp_path $run/proxy; fastcgi_temp_path $run/fastcgi;\n"
        "    uwsgi_temp_path $run/uwsgi; scgi_temp_path $run/scgi;\n"
        "    include $run/conf.d/*.conf;\n"
        "}\n"
        "EOF\n"
        "exec nginx -e \"$run/error.log\" -c \"$run/nginx.conf\" \"$@\"";

bool machine_nginx(void)
{
        int status;

        write_tool("nginx", nginx_tool);
        process_free(process_run(WORDS("sh", "-c", "PATH=$PATH:/usr/sbin:/usr/local/sbin; command -v nginx"), NULL,
                                 &status));
        return status == 0;
}

struct process *machine_run(const char *command, int expected, const char *const words[])
{
        const char *argv[10] = { source_path(format_text("certs/%s", command)) };
        char path[PATH_MAX], root[PATH_MAX], called[PATH_MAX];
        const char *const env[] = { path, root, called, NULL };
        int status;

        (void)snprintf(path, sizeof(path), "PATH=%s:%s", work_path("tools"), getenv("PATH"));
        (void)snprintf(root, sizeof(root), "SCONCE_ROOT=%s", work_path("root"));
        (void)snprintf(called, sizeof(called), "CALLED=%s", work_path("called"));
        (void)put_words(&argv[1], words);
        struct process *p = process_run(argv, &(struct process_options){ .name = "setup", .env = env }, &status);
        if (expected != MACHINE_ANY_STATUS && status != expected)
                give_up("it ended with %d, not %d", status, expected);
        return p;
}

bool machine_has(const char *name)
{
        return access(work_path("%s", name), F_OK) == 0;
}

void assert_calls(const char *wanted)
{
        CLEANUP_FREE char *calls = read_file(work_path("called"));

        assert_string_equal(calls, wanted);
}
