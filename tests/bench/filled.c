/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/filled.h"

#include <sqlite3.h>
#include <stdbool.h>

#include "system/workdir.h"

static unsigned stored(const struct daemon *daemon)
{
        sqlite3 *sqlite = NULL;
        sqlite3_stmt *statement = NULL;
        unsigned count = 0;

        if (sqlite3_open_v2(format_text("%s/sconce.db", daemon->state_dir), &sqlite, SQLITE_OPEN_READWRITE, NULL) ==
                    SQLITE_OK &&
            sqlite3_prepare_v2(sqlite, "SELECT count(*) FROM outbox", -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
                count = (unsigned)sqlite3_column_int(statement, 0);
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(sqlite);
        return count;
}

static bool is_filled(void *userdata)
{
        const struct filled *filled = userdata;

        return stored(filled->sconced->daemon) >= filled->readings;
}

static void copy(const char *from, const char *to)
{
        const char *const remove[] = { "rm", "-rf", to, NULL };
        const char *const copy[] = { "cp", "-a", from, to, NULL };
        int status;

        process_free(process_run(remove, NULL, &status));
        process_free(process_run(copy, NULL, &status));
        if (status != 0)
                give_up("cannot copy %s", from);
}

void filled_make(struct filled *filled, const struct bench *bench, struct running *sconced, const char *devices,
                 unsigned readings)
{
        struct daemon *daemon = sconced->daemon;

        *filled = (struct filled){ .sconced = sconced, .readings = readings, .kept = work_path("kept") };
        daemon->options.url = "mqtts://localhost:9"; /* where nobody listens */
        daemon_write_config(daemon, format_text(FILLED_CONFIG "burst = %u\n%s", readings, devices));
        party_start(sconced, bench);
        while (!pump_until(is_filled, filled, 200))
                if (!process_running(sconced->process))
                        give_up("sconced has ended");
        daemon_stop(daemon);
        daemon->options.url = NULL;
        daemon_write_config(daemon, format_text(FILLED_CONFIG "%s", devices));
        copy(daemon->state_dir, filled->kept);
}

void filled_start(const struct filled *filled, struct probe *probe, const struct bench *bench)
{
        copy(filled->kept, filled->sconced->daemon->state_dir);
        probe_watch(probe, filled->sconced);
        probe->history = 0;
        party_start(filled->sconced, bench);
        while (probe->history == 0)
                probe_turn(probe);
}
