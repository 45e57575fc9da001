/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/model.h"

#include <stdio.h>
#include <string.h>

#include "util/macro.h"

enum { DAY_S = 86400, RENEWED_S = 90 * DAY_S, A_DAY_AT_MOST = 10 };

void model_init(struct model *model)
{
        static const char *const names[HOLDERS] = { "hall",  "attic", "cellar", "me",    "phone",
                                                    "guest", "b.lan", "c.lan",  "nobody" };

        *model = (struct model){ .predecessor = NONE, .linked = NONE };
        for (unsigned i = 0; i < HOLDERS; i++)
                model->holders[i] = (struct holder){ .name = names[i], .is_host = strchr(names[i], '.') };
}

void model_done(struct model *model)
{
        for (unsigned i = 0; i < model->authority_count; i++)
                X509_free(model->authorities[i]);
        for (unsigned i = 0; i < model->paper_count; i++) {
                X509_free(model->papers[i].certificate);
                EVP_PKEY_free(model->papers[i].key);
        }
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

void model_identity(const struct model *model, unsigned holder, unsigned generation, char ret[static IDENTITY_MAX])
{
        const char *name = model->holders[holder].name;

        if (generation > 1)
                (void)snprintf(ret, IDENTITY_MAX, "%s.%u", name, generation);
        else
                (void)snprintf(ret, IDENTITY_MAX, "%s", name);
}

bool model_in_force(const struct holder *holder)
{
        return holder->is_known && !holder->is_revoked;
}

int model_first_broker(const struct model *model)
{
        int first = NONE;

        for (int i = 0; i < HOLDERS; i++) {
                const struct holder *holder = &model->holders[i];
                if (model_in_force(holder) && holder->kind == NAME_BROKER &&
                    (first == NONE || holder->order < model->holders[first].order))
                        first = i;
        }
        return first;
}

void model_know(struct model *model, unsigned holder)
{
        struct holder *known = &model->holders[holder];

        if (!known->is_known)
                known->order = model->known_count++;
        known->generation += !known->is_known || (known->is_revoked && known->kind != NAME_BROKER);
        known->is_known = true;
        known->is_revoked = false;
}

static const char *find_word(const char *words, const char *word)
{
        size_t n = strlen(word);

        for (const char *at = words; n > 0 && (at = strstr(at, word)); at += n)
                if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
                        return at;
        return NULL;
}

bool model_has_word(const char *words, const char *word)
{
        return find_word(words, word) != NULL;
}

void model_remove_word(char *words, const char *word)
{
        const char *found = find_word(words, word);

        if (!found)
                return;
        char *at = words + (found - words);
        size_t n = strlen(word);
        if (at[n] == ' ')
                n++;
        else if (at > words)
                at--, n++;
        memmove(at, at + n, strlen(at + n) + 1);
}

void model_revoke(struct model *model, unsigned holder)
{
        model->holders[holder].is_revoked = true;
        model->holders[holder].commands[0] = '\0';
        for (unsigned i = 0; i < HOLDERS; i++)
                model_remove_word(model->holders[i].commands, model->holders[holder].name);
        for (unsigned i = 0; i < model->paper_count; i++)
                model->papers[i].is_revoked |= model->papers[i].holder == holder;
        for (unsigned i = 0; i < model->ticket_count; i++)
                model->tickets[i].is_gone |= model->tickets[i].holder == holder;
        model->list_number++;
        if (model_first_broker(model) != NONE)
                model->linked = model_first_broker(model);
}

void model_write_lists(struct model *model, int64_t now_s)
{
        for (unsigned i = 0; i < model->ticket_count; i++)
                model->tickets[i].is_listed = model_is_open(&model->tickets[i], now_s);
}

/* ---- Papers ------------------------------------------------------------------------------------------------------ */

int model_newest(const struct model *model, unsigned holder)
{
        for (unsigned i = model->paper_count; i > 0; i--)
                if (model->papers[i - 1].holder == holder)
                        return (int)i - 1;
        return NONE;
}

bool model_is_good(const struct model *model, const struct paper *paper, int64_t now_s)
{
        return !paper->is_revoked && paper->until_s > now_s &&
               (paper->authority + 1 == model->authority_count || (int)paper->authority == model->predecessor);
}

const char *model_why_not(const struct model *model, const struct paper *paper, int64_t now_s)
{
        if (model->holders[paper->holder].kind == NAME_BROKER)
                return "the signer renews a broker's by itself";
        if (paper->is_revoked)
                return "the certificate has been revoked";
        if (paper->until_s <= now_s)
                return "the certificate has expired";
        if (paper->authority + 1 != model->authority_count && (int)paper->authority != model->predecessor)
                return "the certificate is by an authority that has been removed";
        return NULL;
}

bool model_is_too_often(const struct model *model, unsigned holder, int64_t now_s)
{
        unsigned count = 0;

        for (const struct paper *paper = model->papers; paper < model->papers + model->paper_count; paper++) {
                int64_t issued_s = paper->until_s - RENEWED_S;
                count += paper->holder == holder && issued_s > now_s - DAY_S && issued_s <= now_s;
        }
        return count >= A_DAY_AT_MOST;
}

/* ---- Authorities ------------------------------------------------------------------------------------------------- */

static bool is_needed(const struct paper *paper, int64_t now_s)
{
        return !paper->is_revoked && paper->until_s > now_s;
}

static bool is_waited_for(const struct model *model, unsigned holder, int64_t now_s)
{
        if (!model_in_force(&model->holders[holder]) || model->holders[holder].kind == NAME_BROKER)
                return false;
        for (unsigned i = model->paper_count; i > 0; i--) {
                const struct paper *paper = &model->papers[i - 1];
                if (paper->holder == holder && is_needed(paper, now_s))
                        return (int)paper->authority == model->predecessor;
        }
        return false;
}

unsigned model_waiting(const struct model *model, int64_t now_s)
{
        unsigned count = 0;

        for (unsigned i = 0; i < HOLDERS && model->predecessor != NONE; i++)
                count += is_waited_for(model, i, now_s);
        return count;
}

/* A newer one by the successor, which is in use. */
static bool has_heir(const struct model *model, const struct paper *paper)
{
        bool is_broker = model->holders[paper->holder].kind == NAME_BROKER;

        for (const struct paper *other = paper + 1; other < model->papers + model->paper_count; other++)
                if (other->holder == paper->holder && (int)other->authority != model->predecessor &&
                    !other->is_revoked && (other->is_proven || is_broker))
                        return true;
        return false;
}

unsigned model_left(const struct model *model, int64_t now_s)
{
        unsigned count = 0;

        for (unsigned i = 0; i < model->paper_count; i++) {
                const struct paper *paper = &model->papers[i];
                count += (int)paper->authority == model->predecessor && is_needed(paper, now_s) &&
                         !has_heir(model, paper);
        }
        return count;
}

unsigned model_authority_for(const struct model *model, enum name_kind kind, int64_t now_s)
{
        return model->authority_count - 1 - (kind == NAME_BROKER && model_waiting(model, now_s) > 0);
}

bool model_is_due(const struct model *model, unsigned holder, int64_t now_s)
{
        const struct holder *broker = &model->holders[holder];
        int newest = model_newest(model, holder);

        if (!model_in_force(broker) || broker->kind != NAME_BROKER)
                return false;
        const struct paper *paper = &model->papers[newest];
        bool is_old = now_s >= paper->until_s - (paper->until_s - paper->from_s) / 3;
        bool moves = model->predecessor != NONE && (int)paper->authority == model->predecessor &&
                     model_waiting(model, now_s) == 0;
        return is_old || moves;
}

/* ---- Invitations ------------------------------------------------------------------------------------------------- */

bool model_is_open(const struct ticket *ticket, int64_t now_s)
{
        return !ticket->is_gone && ticket->used_s == 0 && ticket->tries < INVITATION_TRIES && ticket->expires_s > now_s;
}

/* ---- Rights ------------------------------------------------------------------------------------------------------ */

static bool node_may(const struct holder *node, enum topic_class class, const char *level, bool is_write)
{
        bool is_own = strcmp(level, node->name) == 0;

        switch (class) {
        case STATE:
        case DISCOVERY:
                return is_own && is_write;
        case SET:
                return is_own || (is_write && model_has_word(node->commands, level));
        case STATUS:
        case NODE_SET:
        case GET:
                return is_own;
        case REPLY:
                return is_write;
        default:
                return class == BIRTH && !is_write;
        }
}

static bool client_may(const struct holder *client, enum topic_class class, const char *level, bool is_write)
{
        bool is_limited = client->words[0], is_home = client->rights == RIGHTS_HOME_ASSISTANT;
        bool reaches = !is_limited || model_has_word(client->words, level);

        switch (class) {
        case STATE:
        case STATUS:
                return reaches && !is_write;
        case SET:
        case NODE_SET:
        case GET:
                return reaches && (!is_write || client->rights != RIGHTS_READ_ONLY);
        case DISCOVERY:
                return is_home && reaches && !is_write;
        default:
                return class == BIRTH && is_home && (is_write || !is_limited);
        }
}

bool model_allows(const struct model *model, const struct holder *holder, enum topic_class class, const char *level,
                  bool is_write)
{
        char own[IDENTITY_MAX];

        model_identity(model, (unsigned)(holder - model->holders), holder->generation, own);
        bool is_own = strcmp(level, own) == 0;
        if (!model_in_force(holder) || holder->kind == NAME_BROKER)
                return false;
        if (class == REQUEST || class == ANSWER)
                return is_own && is_write == (class == REQUEST);
        if (class == TRUST)
                return !is_write;
        if (class == REPLY && holder->kind == NAME_CLIENT)
                return is_own && !is_write;
        return holder->kind == NAME_NODE ? node_may(holder, class, level, is_write)
                                         : client_may(holder, class, level, is_write);
}
