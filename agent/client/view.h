/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A house as its retained messages show it: its nodes, their devices, the last state of each. The names that people
 * type are looked up here.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/payload.h"
#include "util/fault.h"

#define NAME_MAX_BYTES 65

struct view {
        const char *base; /* of all topics: "sconce" */
        json_t *nodes;    /* {NODE: {"status", "info", "devices": {DEVICE: {"status", "error", "state"}}}} */
};

/* One device, by the words of its topics. */
struct view_name {
        char node[NAME_MAX_BYTES]; /* empty: not given */
        char device[NAME_MAX_BYTES];
};

int view_init(struct view *home, const char *base) MUST_CHECK;
void view_done(struct view *home);

/* Takes in one message. What is no node's status or info and no device's status, error or state is left
 * alone, and so is what has another form. An empty payload takes away. */
void view_take(struct view *home, const char *topic, const void *payload, size_t size);

/* Borrowed; NULL: not known. `device` NULL: the node's own. */
const char *view_status(const struct view *home, const char *node, const char *device);
json_t *view_info(const struct view *home, const char *node);
json_t *view_about(const struct view *home, const char *node, const char *device); /* the device's entry in info */
json_t *view_state(const struct view *home, const char *node, const char *device);
json_t *view_error(const struct view *home, const char *node, const char *device);

/* What is left at the broker of a device that its node does not list any more, or of a node that has no status.
 * `device` NULL: the node. */
bool view_is_stale(const struct view *home, const char *node, const char *device);

/* The ids of a node's devices, those that it lists and those of which something is left; for json_decref(). */
json_t *view_devices(const struct view *home, const char *node) MUST_CHECK;

/* Every node is known with its status and info, every device in an info with its status, and there is at least one. */
bool view_is_whole(const struct view *home, bool with_devices);

/* DEVICE or NODE/DEVICE. -EINVAL when it is neither, which is known without asking the house. */
int view_name_read(const char *text, struct view_name *ret, struct fault *fault) MUST_CHECK;

/* NODE or NODE/DEVICE; -EINVAL as above. */
int view_place_read(const char *text, struct view_name *ret, struct fault *fault) MUST_CHECK;

/* -ENOENT: nothing is known of any node, and why that may be. */
int view_check_known(const struct view *home, struct fault *fault) MUST_CHECK;
/* -ENOENT, with the node that may have been meant. */
int view_unknown_node(const struct view *home, const char *node, struct fault *fault) MUST_CHECK;

/* Fills in the node of a device that is on one node alone. -ENOENT, -ENOTUNIQ with what there is instead. */
int view_find(const struct view *home, struct view_name *name, struct fault *fault) MUST_CHECK;

/* The JSON of a payload, out of its envelope where it has one; NULL: it is no JSON object. */
json_t *view_json(const void *payload, size_t size);

/* The strings of an array in one text; free() it. NULL without memory. */
char *view_join(const json_t *texts, const char *separator) MUST_CHECK;

/* The names of an object's members in C order; free() the array, not the names. NULL without memory or members. */
const char **view_sorted_keys(json_t *object, size_t *ret_count);
