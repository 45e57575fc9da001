/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card that the database is on: a layer under SQLite that knows what has been synced. A process that dies leaves all
 * that it wrote; a power cut leaves what was synced, and of each later write any of its sectors or none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_FILES_MAX 4

struct disk_write;

struct disk_file {
        char name[32];         /* "sconce.db-wal"; "": this place is free */
        unsigned char *synced; /* its content at the last sync */
        size_t size, room;
        struct disk_write *first, *last; /* since then */
};

enum disk_fault { DISK_WELL, DISK_FULL, DISK_FAILS };

struct disk {
        struct disk_file files[DISK_FILES_MAX];
        enum disk_fault fault;
        uint64_t fault_until_us;
        uint64_t hangs_until_us; /* each access takes until then */
        unsigned countdown;      /* the world ends for the process at the so manieth access; 0: it does not */
        bool countdown_is_power;
        uint64_t n_writes, n_syncs;
        uint64_t n_commits, n_bytes; /* of the database, as on a card of which SQLite believes that it does not tear */
        bool is_committed, is_padding;
};

void disk_begin_process(void); /* for SQLite of this process */
void disk_cut(void);           /* the power fails: the files are what a card would have now */
bool disk_is_whole(void);      /* of a copy: SQLite opens it and finds nothing wrong */
void disk_break(enum disk_fault fault, uint64_t for_us);
