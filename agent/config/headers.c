/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/checks.h"
#include "config/rule.h"
#include "util/reserved.h"
#include "util/suggest.h"
#include "util/text.h"

#define ID_RULE "is made of a-z, 0-9, \"_\" and \"-\", begins with a letter or digit, and has at most 64 characters"

static bool check_client_word(const struct config_section *section, struct problems *problems)
{
        if (!section->id && word_is_reserved(section->kind, RESERVED_CLIENT))
                return true;
        config_complain(section, NULL, problems, "the client's config has the sections [broker] and [tls] only");
        return false;
}

static bool check_word(const struct config_section *section, struct problems *problems)
{
        if (word_is_reserved(section->kind, RESERVED_SINGLE))
                return true;
        if (strcmp(section->kind, "rule") == 0) {
                config_complain(section, NULL, problems, "a rule has a name: [rule NAME]");
                return false;
        }
        struct suggestion near = { .wanted = section->kind };
        const char *word;
        for (size_t at = 0; (word = reserved_next(&at, RESERVED_SINGLE));)
                suggestion_offer(&near, word);
        config_complain(section, NULL, problems,
                        "unknown section; known are [node], [broker], [tls], [gpio], [homeassistant] and [history], "
                        "and a device is [PLUGIN ID]%s%s%s",
                        near.best ? "; did you mean [" : "", near.best ? near.best : "", near.best ? "]" : "");
        return false;
}

/* The id in small letters, where that is all it takes. */
static bool small_letters(const char *id, char *small, size_t size)
{
        (void)snprintf(small, size, "%s", id);
        for (char *c = small; *c; c++)
                *c = *c == ' ' ? '-' : (char)tolower((unsigned char)*c);
        return strlen(id) < size && text_is_id(small);
}

static bool check_id(const struct config_section *section, struct problems *problems)
{
        char small[80];
        if (text_is_id(section->id))
                return true;
        const char *what = section_is_rule(section) ? "a rule's name" : "a device's id";
        if (small_letters(section->id, small, sizeof(small)))
                config_complain(section, NULL, problems, "%s " ID_RULE "; did you mean [%.70s %s]", what, section->kind,
                                small);
        else
                config_complain(section, NULL, problems, "%s " ID_RULE, what);
        return false;
}

/* Whether a device with this id stands there too. */
static bool is_same_id(const struct config_section *section, const struct config_section *other)
{
        return other->id_hash == section->id_hash && other->id && !section_is_rule(other) &&
               strcmp(other->id, section->id) == 0;
}

/* Ids are topics: one device each, of any plugin. */
static bool check_unique(const struct config *config, size_t index, struct problems *problems)
{
        const struct config_section *section = &config->sections[index];
        for (size_t i = 0; i < index; i++) {
                const struct config_section *other = &config->sections[i];
                char label[CONFIG_LABEL_MAX];
                if (!is_same_id(section, other))
                        continue;
                config_complain(section, NULL, problems,
                                "a device's id is used once, and this one is taken by %s at %s:%u",
                                config_label(other, label), other->file, other->line);
                return false;
        }
        return true;
}

static bool check_device(const struct config *config, size_t index, struct problems *problems)
{
        const struct config_section *section = &config->sections[index];
        if (section_is_rule(section)) /* no topic: it may be called as a device is */
                return check_id(section, problems);
        if (word_is_reserved(section->kind, RESERVED_SINGLE)) {
                config_complain(section, NULL, problems, "[%s] takes no second word", section->kind);
                return false;
        }
        if (word_is_reserved(section->kind, RESERVED_SECTION)) {
                config_complain(section, NULL, problems, "\"%s\" is reserved and names no plugin", section->kind);
                return false;
        }
        if (!text_is_id(section->kind)) {
                config_complain(section, NULL, problems, "a plugin's name " ID_RULE);
                return false;
        }
        if (word_is_reserved(section->id, RESERVED_DEVICE)) {
                config_complain(section, NULL, problems, "the id \"%s\" is the agent's own: take another", section->id);
                return false;
        }
        return check_id(section, problems) && check_unique(config, index, problems);
}

bool config_is_device(const struct config *config, size_t index)
{
        const struct config_section *section = &config->sections[index];

        if (!section->id || !text_is_id(section->id) || !text_is_id(section->kind) ||
            word_is_reserved(section->id, RESERVED_DEVICE) || word_is_reserved(section->kind, RESERVED_SECTION))
                return false;
        for (size_t i = 0; i < index; i++)
                if (is_same_id(section, &config->sections[i]))
                        return false;
        return true;
}

bool headers_check(const struct config *config, enum settings_for whom, struct problems *problems)
{
        bool good = true;
        for (size_t i = 0; i < config->count; i++) {
                const struct config_section *section = &config->sections[i];
                if (whom == SETTINGS_CLIENT)
                        good &= check_client_word(section, problems);
                else if (section->id)
                        good &= check_device(config, i, problems);
                else
                        good &= check_word(section, problems);
        }
        return good;
}
