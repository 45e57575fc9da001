/* SPDX-License-Identifier: Apache-2.0 */
#include "system/tpm.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "system/process.h"
#include "system/workdir.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static bool is_there(void *path)
{
        return access(path, F_OK) == 0;
}

static void needs(const char *pattern, const char *package)
{
        glob_t found = { 0 };
        bool is_found = glob(pattern, 0, NULL, &found) == 0;

        globfree(&found);
        if (is_found)
                return;
        print_message("skipped: %s is not installed\n", package);
        skip();
}

static void wait_for_socket(const char *path)
{
        if (!pump_until(is_there, (void *)(uintptr_t)path, SOON_MS))
                give_up("nobody listens at %s", path);
}

static void wait_for_manager(const char *bus)
{
        const char *const env[] = { bus, NULL };
        uint64_t until_us = now_us() + SOON_MS * USEC_PER_MSEC;
        bool has_owner = false;

        while (!has_owner && now_us() < until_us) {
                int status;
                struct process *process = process_run(
                        WORDS("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/",
                              "org.freedesktop.DBus.NameHasOwner", "string:com.intel.tss2.Tabrmd"),
                        &(struct process_options){ .name = "dbus-send", .env = env }, &status);
                has_owner = status == 0 && strstr(process->out.text, "boolean true");
                process_free(process);
        }
        assert_true(has_owner);
}

const char *const *tpm_start(void)
{
        static const char *env[3];
        const char *socket = work_path("tpm.sock"), *bus = work_path("bus");
        const char *ring = getenv("SCONCE_RING");

        if (ring && strcmp(ring, "kernel") == 0) {
                print_message(
                        "skipped: the TPM's resource manager does not come up on the ring's kernel; run it outside\n");
                skip();
        }
        needs("/usr/bin/swtpm", "swtpm");
        needs("/usr/lib/*/ossl-modules/tpm2.so", "tpm2-openssl");
        needs("/usr/sbin/tpm2-abrmd", "tpm2-abrmd");
        needs("/usr/lib/*/libtss2-tcti-tabrmd.so*", "libtss2-tcti-tabrmd0");
        needs("/usr/bin/dbus-daemon", "dbus-daemon");
        make_dir(work_path("tpm"));
        env[0] = "TPM2OPENSSL_TCTI=tabrmd:bus_type=session";
        env[1] = format_text("DBUS_SESSION_BUS_ADDRESS=unix:path=%s", bus);
        (void)process_start(WORDS("swtpm", "socket", "--tpm2", "--tpmstate", format_text("dir=%s", work_path("tpm")),
                                  "--server", format_text("type=unixio,path=%s", socket), "--ctrl",
                                  format_text("type=unixio,path=%s.ctrl", socket), "--flags",
                                  "not-need-init,startup-clear"),
                            &(struct process_options){ .name = "swtpm" });
        (void)process_start(WORDS("dbus-daemon", "--session", format_text("--address=unix:path=%s", bus), "--nofork",
                                  "--nopidfile"),
                            &(struct process_options){ .name = "dbus-daemon" });
        wait_for_socket(socket);
        wait_for_socket(bus);
        (void)process_start(
                WORDS("/usr/sbin/tpm2-abrmd", "--session", "--allow-root", format_text("--tcti=swtpm:path=%s", socket)),
                &(struct process_options){ .name = "tpm2-abrmd", .env = env + 1 });
        wait_for_manager(env[1]);
        return env;
}
