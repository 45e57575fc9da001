/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/disk.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/events.h"
#include "sim/world.h"

#define SECTOR_BYTES       512
#define FRAME_HEADER_BYTES 24
#define STATE_DIR          "state"

/* A write, or with data NULL a truncation to `at`. */
struct disk_write {
        struct disk_write *next;
        uint64_t at;
        size_t size;
        unsigned char *data;
};

struct handle {
        sqlite3_file base;
        struct disk_file *file; /* NULL: one of SQLite's own for a while */
        sqlite3_file *real;     /* behind this struct */
};

static sqlite3_vfs *real_vfs;

static struct handle *of(sqlite3_file *file)
{
        return (struct handle *)file;
}

/* ---- What is on the card ----------------------------------------------------------------------------------------- */

static void set_size(struct disk_file *file, size_t size)
{
        if (size > file->room) {
                size_t room = file->room ? file->room : 4096;
                while (room < size)
                        room *= 2;
                unsigned char *larger = world_alloc(room);
                if (file->size > 0)
                        memcpy(larger, file->synced, file->size);
                world_release(file->synced, file->room);
                file->synced = larger;
                file->room = room;
        }
        if (size > file->size)
                memset(file->synced + file->size, 0, size - file->size);
        file->size = size;
}

static void put(struct disk_file *file, uint64_t at, const unsigned char *data, size_t size)
{
        if (at + size > file->size)
                set_size(file, at + size);
        memcpy(file->synced + at, data, size);
}

static void forget_writes(struct disk_file *file)
{
        while (file->first) {
                struct disk_write *gone = file->first;
                file->first = gone->next;
                world_release(gone->data, gone->size);
                world_release(gone, sizeof(*gone));
        }
        file->last = NULL;
}

static void note(struct disk_file *file, uint64_t at, const void *data, size_t size)
{
        struct disk_write *write = world_alloc(sizeof(*write));

        *write = (struct disk_write){ .at = at, .size = data ? size : 0, .data = data ? world_alloc(size) : NULL };
        if (data)
                memcpy(write->data, data, size);
        if (file->last)
                file->last->next = write;
        else
                file->first = write;
        file->last = write;
}

static void sync_file(struct disk_file *file)
{
        for (const struct disk_write *write = file->first; write; write = write->next) {
                if (write->data)
                        put(file, write->at, write->data, write->size);
                else
                        set_size(file, (size_t)write->at);
        }
        forget_writes(file);
}

/* Sectors of one write are independent of each other: it tears anywhere. */
static void tear(struct disk_file *file, unsigned percent)
{
        for (const struct disk_write *write = file->first; write; write = write->next) {
                if (!write->data) {
                        if (noise_chance(percent))
                                set_size(file, (size_t)write->at);
                        continue;
                }
                for (size_t at = 0; at < write->size; at += SECTOR_BYTES)
                        if (noise_chance(percent))
                                put(file, write->at + at, write->data + at,
                                    MIN((size_t)SECTOR_BYTES, write->size - at));
        }
        forget_writes(file);
}

static void write_out(const struct disk_file *file)
{
        char path[64];

        (void)snprintf(path, sizeof(path), STATE_DIR "/%s", file->name);
        FILE *out = fopen(path, "we");
        if (!out || fwrite(file->synced, 1, file->size, out) != file->size || fclose(out) != 0)
                violated("simulator", "%s cannot be written", path);
}

void disk_cut(void)
{
        static const unsigned shares[] = { 0, 30, 70, 95, 100 };
        unsigned percent = shares[noise_between(0, ARRAY_SIZE(shares) - 1)];

        for (size_t i = 0; i < DISK_FILES_MAX; i++) {
                struct disk_file *file = &world->disk.files[i];
                if (!file->name[0])
                        continue;
                tear(file, percent);
                write_out(file);
        }
        (void)unlink(STATE_DIR "/sconce.db-shm"); /* only an index */
        world->disk.fault = DISK_WELL;
        world->disk.hangs_until_us = world->disk.countdown = 0;
}

void disk_break(enum disk_fault fault, uint64_t for_us)
{
        world->disk.fault = fault;
        world->disk.fault_until_us = world->now_us + for_us;
        trace(fault == DISK_FULL ? "the card is full" : "the card fails");
}

/* ---- Whether it is whole ----------------------------------------------------------------------------------------- */

static int take_answer(void *userdata, int n, char **texts, char **names)
{
        (void)names;
        *(bool *)userdata = n == 1 && texts[0] && strcmp(texts[0], "ok") == 0;
        return 0;
}

bool disk_is_whole(void)
{
        bool is_whole = false;
        sqlite3 *sqlite = NULL;

        if (system("rm -rf copy && cp -r " STATE_DIR " copy") != 0 ||
            sqlite3_open_v2("copy/sconce.db", &sqlite, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK)
                return false;
        int r = sqlite3_exec(sqlite, "PRAGMA integrity_check", take_answer, &is_whole, NULL);
        (void)sqlite3_close(sqlite);
        return r == SQLITE_OK && is_whole;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* SQLITE_OK, or what is wrong with the card now. */
static int access_card(void)
{
        struct disk *disk = &world->disk;

        if (disk->countdown > 0 && --disk->countdown == 0) {
                laws_died(disk->countdown_is_power);
                _exit(disk->countdown_is_power ? LIFE_CUT : LIFE_KILLED);
        }
        if (disk->fault != DISK_WELL && world->now_us >= disk->fault_until_us)
                disk->fault = DISK_WELL;
        return disk->fault == DISK_FULL ? SQLITE_FULL : disk->fault == DISK_FAILS ? SQLITE_IOERR_WRITE : SQLITE_OK;
}

static int disk_close(sqlite3_file *file)
{
        return of(file)->real->pMethods->xClose(of(file)->real);
}

static int disk_read(sqlite3_file *file, void *to, int size, sqlite3_int64 at)
{
        return of(file)->real->pMethods->xRead(of(file)->real, to, size, at);
}

static bool is_log(const struct disk_file *file)
{
        size_t length = strlen(file->name);

        return length > 4 && strcmp(file->name + length - 4, "-wal") == 0;
}

/* In the log a frame's header holds the size of the database where the frame is a commit's last, else 0. On this card, which tears
 * what it writes, SQLite repeats that frame up to the end of its sector: on others it does not, and that is not counted. */
static void count(const struct disk_file *file, const unsigned char *data, int size)
{
        static const unsigned char none[4];
        struct disk *disk = &world->disk;

        if (is_log(file) && size == FRAME_HEADER_BYTES) {
                disk->is_padding = disk->is_committed;
                if (!disk->is_committed && memcmp(data + sizeof(none), none, sizeof(none)) != 0) {
                        disk->is_committed = true;
                        disk->n_commits++;
                }
        }
        disk->n_bytes += disk->is_padding ? 0 : (uint64_t)size;
}

static int disk_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 at)
{
        int r = of(file)->file ? access_card() : SQLITE_OK;

        if (r != SQLITE_OK)
                return r;
        if (of(file)->file) {
                note(of(file)->file, (uint64_t)at, from, (size_t)size);
                count(of(file)->file, from, size);
        }
        world->disk.n_writes++;
        return of(file)->real->pMethods->xWrite(of(file)->real, from, size, at);
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        int r = of(file)->file ? access_card() : SQLITE_OK;

        if (r != SQLITE_OK)
                return r;
        if (of(file)->file)
                note(of(file)->file, (uint64_t)size, NULL, 0);
        return of(file)->real->pMethods->xTruncate(of(file)->real, size);
}

static int disk_sync(sqlite3_file *file, int flags)
{
        int r = of(file)->file ? access_card() : SQLITE_OK;

        (void)flags;
        if (r != SQLITE_OK)
                return SQLITE_IOERR_FSYNC;
        if (of(file)->file) {
                sync_file(of(file)->file);
                world->disk.is_committed = world->disk.is_padding = false;
        }
        world->disk.n_syncs++;
        return SQLITE_OK;
}

static int disk_size(sqlite3_file *file, sqlite3_int64 *ret)
{
        return of(file)->real->pMethods->xFileSize(of(file)->real, ret);
}

/* Nobody else opens a file while a process of the agent lives: locks in the kernel would only take time. */
static int disk_lock(sqlite3_file *file, int kind)
{
        (void)file;
        (void)kind;
        return SQLITE_OK;
}

static int disk_unlock(sqlite3_file *file, int kind)
{
        (void)file;
        (void)kind;
        return SQLITE_OK;
}

static int disk_check_lock(sqlite3_file *file, int *ret)
{
        (void)file;
        *ret = 0;
        return SQLITE_OK;
}

static int disk_control(sqlite3_file *file, int what, void *argument)
{
        return of(file)->real->pMethods->xFileControl(of(file)->real, what, argument);
}

static int disk_sector(sqlite3_file *file)
{
        return of(file)->real->pMethods->xSectorSize(of(file)->real);
}

static int disk_traits(sqlite3_file *file)
{
        (void)file;
        return 0; /* no write is whole, none stays behind another */
}

static int disk_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
        return of(file)->real->pMethods->xShmMap(of(file)->real, page, size, extend, ret);
}

static int disk_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
        (void)file;
        (void)at;
        (void)n;
        (void)flags;
        return SQLITE_OK;
}

static void disk_shm_barrier(sqlite3_file *file)
{
        of(file)->real->pMethods->xShmBarrier(of(file)->real);
}

static int disk_shm_unmap(sqlite3_file *file, int remove)
{
        return of(file)->real->pMethods->xShmUnmap(of(file)->real, remove);
}

static const sqlite3_io_methods methods = {
        .iVersion = 2,
        .xClose = disk_close,
        .xRead = disk_read,
        .xWrite = disk_write,
        .xTruncate = disk_truncate,
        .xSync = disk_sync,
        .xFileSize = disk_size,
        .xLock = disk_lock,
        .xUnlock = disk_unlock,
        .xCheckReservedLock = disk_check_lock,
        .xFileControl = disk_control,
        .xSectorSize = disk_sector,
        .xDeviceCharacteristics = disk_traits,
        .xShmMap = disk_shm_map,
        .xShmLock = disk_shm_lock,
        .xShmBarrier = disk_shm_barrier,
        .xShmUnmap = disk_shm_unmap,
};

/* ---- The file system --------------------------------------------------------------------------------------------- */

static struct disk_file *find(const char *path, bool make)
{
        const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        struct disk_file *free_one = NULL;

        for (size_t i = 0; i < DISK_FILES_MAX; i++) {
                struct disk_file *file = &world->disk.files[i];
                if (strcmp(file->name, name) == 0)
                        return file;
                if (!file->name[0])
                        free_one = file;
        }
        if (!make)
                return NULL;
        if (!free_one)
                violated("simulator", "one file too many: %s", path);
        (void)snprintf(free_one->name, sizeof(free_one->name), "%s", name);
        return free_one;
}

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file, int flags, int *ret_flags)
{
        struct handle *handle = of(file);

        (void)vfs;
        *handle = (struct handle){ .real = (sqlite3_file *)(handle + 1) };
        int r = real_vfs->xOpen(real_vfs, path, handle->real, flags, ret_flags);
        if (r != SQLITE_OK)
                return r;
        handle->base.pMethods = &methods;
        if (path && flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL))
                handle->file = find(path, true);
        return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
        struct disk_file *file = find(path, false);

        (void)vfs;
        if (file) {
                forget_writes(file);
                world_release(file->synced, file->room);
                *file = (struct disk_file){ .name = "" };
        }
        return real_vfs->xDelete(real_vfs, path, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
        (void)vfs;
        return real_vfs->xAccess(real_vfs, path, flags, ret);
}

/* As it is: the directory is /proc/self/cwd, whatever that is. */
static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *ret)
{
        (void)vfs;
        (void)sqlite3_snprintf(size, ret, "%s", path);
        return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int size, char *ret)
{
        (void)vfs;
        for (int i = 0; i < size; i++)
                ret[i] = (char)noise_between(0, 255);
        return size;
}

/* Who else could have locked it? */
static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
        (void)vfs;
        return us;
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
        (void)vfs;
        *ret = 2460000.0;
        return SQLITE_OK;
}

void disk_begin_process(void)
{
        static sqlite3_vfs vfs = {
                .iVersion = 1,
                .zName = "sim",
                .xOpen = vfs_open,
                .xDelete = vfs_delete,
                .xAccess = vfs_access,
                .xFullPathname = vfs_full_path,
                .xRandomness = vfs_random,
                .xSleep = vfs_sleep,
                .xCurrentTime = vfs_time,
        };

        real_vfs = sqlite3_vfs_find("unix");
        vfs.szOsFile = (int)sizeof(struct handle) + real_vfs->szOsFile;
        vfs.mxPathname = real_vfs->mxPathname;
        (void)sqlite3_vfs_register(&vfs, 1);
}
