/* SPDX-License-Identifier: Apache-2.0 */
#include "gpio/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

/* ---- Names ------------------------------------------------------------------------------------------- */

static void name_of(const struct line_place *place, const struct sconce_line *line, const char *device,
                    char ret[static FD_NAME_SIZE])
{
        const struct line_settings *settings = &line->settings;

        (void)snprintf(ret, FD_NAME_SIZE, "%s/%u/%s/%d.%d.%d", place->chip->name, place->offset, device,
                       settings->active_low, settings->bias, settings->drive);
}

static bool is_of_place(const struct kept *kept, const struct line_place *place)
{
        char begin[GPIO_NAME_SIZE + 16];
        int length = snprintf(begin, sizeof(begin), "%s/%u/", place->chip->name, place->offset);

        return strncmp(kept->name, begin, (size_t)length) == 0;
}

static bool is_name(const char *text)
{
        size_t slashes = 0;

        for (const char *at = text; *at; at++)
                slashes += *at == '/';
        return slashes == 3 && strlen(text) < FD_NAME_SIZE;
}

static char *device_of_name(const char *name)
{
        const char *device = strchr(strchr(name, '/') + 1, '/') + 1;

        return strndup(device, strcspn(device, "/"));
}

/* ---- The store --------------------------------------------------------------------------------------- */

static void put(struct sconce_line *line, const char *name)
{
        const struct fd_store *store = line->gpio->fd_store;
        int fd = line->request->ops->output_fd(line->request);
        int r = store ? store->put(store->userdata, name, fd) : 0;

        if (r < 0)
                log_warning("%s: the service manager does not keep it over a restart: %s", line->text, strerror(-r));
        else
                (void)snprintf(line->kept_as, sizeof(line->kept_as), "%s", name);
}

static int take_out(struct gpio *gpio, const char *name)
{
        const struct fd_store *store = gpio->fd_store;
        int r = store ? store->remove(store->userdata, name) : 0;

        gpio->is_store_behind |= store && r == 0;
        return r;
}

bool kept_sync(struct gpio *gpio)
{
        const struct fd_store *store = gpio->fd_store;
        bool was_behind = gpio->is_store_behind;

        gpio->is_store_behind = false;
        return was_behind && store->sync(store->userdata) == 0;
}

/* ---- Open lines -------------------------------------------------------------------------------------- */

static bool can_be_kept(struct sconce_line *line)
{
        if (line->place.chip->ops != line->gpio->ops)
                return false;
        if (!line->request->ops->output_fd && !line->gpio->is_old_kernel) {
                line->gpio->is_old_kernel = true;
                log_notice(
                        "this kernel is older than 5.10: outputs with on_exit = keep are let go for a moment when the "
                        "agent is restarted");
        }
        return line->request->ops->output_fd;
}

int kept_update(struct sconce_line *line)
{
        char name[FD_NAME_SIZE] = "";

        if (line->keep_for && can_be_kept(line))
                name_of(&line->place, line, line->keep_for, name);
        if (strcmp(name, line->kept_as) == 0)
                return 0;
        int r = *line->kept_as ? take_out(line->gpio, line->kept_as) : 0;
        if (r < 0)
                return r;
        line->kept_as[0] = '\0';
        if (*name)
                put(line, name);
        return 0;
}

static int add(struct gpio *gpio, const char *name, struct line_request *request, bool is_found)
{
        struct kept *kept = calloc(1, sizeof(*kept));

        if (!kept)
                return -ENOMEM;
        kept->request = request;
        kept->is_found = is_found;
        kept->left_level = -1;
        (void)snprintf(kept->name, sizeof(kept->name), "%s", name);
        kept->next = gpio->kept;
        gpio->kept = kept;
        return 0;
}

bool kept_park(struct sconce_line *line)
{
        if (!*line->kept_as)
                return false;
        if (line->place.chip->gone || add(line->gpio, line->kept_as, line->request, false) < 0) {
                (void)!take_out(line->gpio, line->kept_as);
                line->kept_as[0] = '\0';
                return false;
        }
        line->kept_as[0] = '\0';
        return true;
}

int line_keep(struct sconce_line *line, const char *device)
{
        char *keep_for = device ? strdup(device) : NULL;

        if (device && !keep_for)
                return -ENOMEM;
        free(line->keep_for);
        line->keep_for = keep_for;
        return line->request ? kept_update(line) : 0;
}

bool line_is_kept(const struct sconce_line *line)
{
        return *line->kept_as;
}

/* ---- What waits -------------------------------------------------------------------------------------- */

static struct kept **find(struct gpio *gpio, const struct line_place *place)
{
        struct kept **at = &gpio->kept;

        if (place->chip->ops != gpio->ops)
                return NULL;
        while (*at && !is_of_place(*at, place))
                at = &(*at)->next;
        return *at ? at : NULL;
}

static void unlink_kept(struct kept **at)
{
        struct kept *kept = *at;

        *at = kept->next;
        free(kept);
}

static void let_go(struct gpio *gpio, struct kept **at)
{
        (void)!take_out(gpio, (*at)->name);
        (*at)->request->ops->release((*at)->request);
        unlink_kept(at);
}

void kept_drop(struct gpio *gpio, const struct line_place *place)
{
        for (struct kept **at; (at = find(gpio, place));)
                let_go(gpio, at);
}

/* Nothing is written to a line that is as it should be. */
static int bring(struct line_request *request, struct request_spec *spec, bool is_same, int first_value)
{
        int level = request->ops->get(request);

        if (level < 0)
                return level;
        if (first_value < 0)
                spec->high = level;
        if (!is_same)
                return request->ops->reconfigure(request, spec);
        return spec->high != (bool)level ? request->ops->set(request, spec->high) : 0;
}

/* How it was requested stands at the end. */
static bool has_same_settings(const char *a, const char *b)
{
        return strcmp(strrchr(a, '/'), strrchr(b, '/')) == 0;
}

/* As it was requested: its name has active_low first of the settings at its end. */
static int switch_off(struct kept *kept)
{
        bool is_active_low = strrchr(kept->name, '/')[1] == '1';
        int level = kept->request->ops->get(kept->request);

        if (level < 0 || (bool)level == is_active_low)
                return MIN(level, 0);
        int r = kept->request->ops->set(kept->request, is_active_low);
        if (r == 0)
                kept->left_level = level;
        return r < 0 ? r : 1;
}

bool kept_take(struct sconce_line *line, struct request_spec *spec, int first_value)
{
        struct kept **at = find(line->gpio, &line->place);
        char name[FD_NAME_SIZE];

        if (!at)
                return false;
        struct kept *kept = *at;
        line->request = kept->request;
        memcpy(line->kept_as, kept->name, sizeof(line->kept_as));
        name_of(&line->place, line, "", name);
        /* Before it is driven: what is to go off by itself must be out of the store while it is on. */
        int r = kept_update(line);
        if (r < 0) /* it stays there, where nobody could switch it off */
                (void)switch_off(kept);
        if (r == 0)
                r = bring(kept->request, spec, has_same_settings(name, kept->name), first_value);
        if (r == 0) {
                unlink_kept(at);
                return true;
        }
        log_debug("%s: an earlier run has left it, and it is requested again: %s", line->text, strerror(-r));
        if (*line->kept_as)
                memcpy(kept->name, line->kept_as, sizeof(kept->name));
        line->kept_as[0] = '\0';
        line->request = NULL;
        let_go(line->gpio, at);
        return false;
}

static int level_left(const struct kept *kept)
{
        return kept->left_level >= 0 ? kept->left_level : kept->request->ops->get(kept->request);
}

bool line_found(struct gpio *gpio, const struct sconce_line *line, const char *device, bool *ret_active)
{
        struct line_place place;
        struct fault fault;
        char name[FD_NAME_SIZE];
        int level = -1;

        if (!gpio->kept || line->request || line_resolve(gpio, line, &place, &fault) < 0)
                return false;
        struct kept **at = find(gpio, &place);
        if (at && (*at)->is_found) {
                name_of(&place, line, device, name);
                level = strcmp(name, (*at)->name) == 0 ? level_left(*at) : -1;
        }
        chips_trim(gpio);
        if (level >= 0)
                *ret_active = (bool)level != line->settings.active_low;
        return level >= 0;
}

/* ---- From one process to the next -------------------------------------------------------------------- */

void gpio_adopt(struct gpio *gpio, const char *name, int fd)
{
        struct line_request *request;
        int r = is_name(name) && gpio->ops->adopt ? gpio->ops->adopt(fd, &request) : -EINVAL;

        if (r == 0) {
                r = add(gpio, name, request, true);
                if (r == 0)
                        return;
                request->ops->release(request);
        } else {
                (void)close(fd);
        }
        log_warning("an output that an earlier run has left (%s) is not taken over: %s", name, strerror(-r));
        (void)!take_out(gpio, name);
}

void gpio_let_go(struct gpio *gpio, bool (*is_wanted)(void *userdata, const char *device), void *userdata)
{
        for (struct kept **at = &gpio->kept; *at;) {
                CLEANUP_FREE char *device = device_of_name((*at)->name);
                if (!device || is_wanted(userdata, device)) {
                        at = &(*at)->next;
                        continue;
                }
                log_notice("%s: an earlier run has left it, and no device has it any more: it is let go", (*at)->name);
                let_go(gpio, at);
        }
}

unsigned gpio_switch_off(struct gpio *gpio, const char *device)
{
        unsigned count = 0;

        for (struct kept *kept = gpio->kept; kept; kept = kept->next) {
                CLEANUP_FREE char *owner = device_of_name(kept->name);
                int r = owner && strcmp(owner, device) == 0 ? switch_off(kept) : 0;
                if (r < 0)
                        log_error("%s: an earlier run has left it, and it cannot be switched off: %s", kept->name,
                                  strerror(-r));
                count += r > 0;
        }
        return count;
}

void gpio_hand_over(struct gpio *gpio, void (*take)(void *userdata, const char *name, int fd), void *userdata)
{
        for (const struct kept *kept = gpio->kept; kept; kept = kept->next)
                take(userdata, kept->name, kept->request->ops->output_fd(kept->request));
}

void kept_done(struct gpio *gpio)
{
        while (gpio->kept) {
                gpio->kept->request->ops->release(gpio->kept->request);
                unlink_kept(&gpio->kept);
        }
}
