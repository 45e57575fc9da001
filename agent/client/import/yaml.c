/* SPDX-License-Identifier: Apache-2.0 */
#include "client/import/yaml.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "util/text.h"

struct reader {
        yaml_parser_t parser;
        struct tree *tree;
        const char *text;
        size_t size;
        struct fault *fault;
        unsigned depth;
};

static void event_done(yaml_event_t *event)
{
        yaml_event_delete(event);
}

#define CLEANUP_EVENT CLEANUP(event_done)

static unsigned line_of(const yaml_event_t *event)
{
        return (unsigned)event->start_mark.line + 1;
}

/* ---- What libyaml refuses ------------------------------------------------------------------------------------ */

/* The indentation of a line has a tab in it: what people see least, and libyaml does not name. */
static bool is_indented_by_tab(const struct reader *reader, unsigned line)
{
        const char *at = reader->text, *end = at + reader->size;

        for (unsigned i = 1; i < line && at < end; i++) {
                const char *next = memchr(at, '\n', (size_t)(end - at));
                at = next ? next + 1 : end;
        }
        while (at < end && *at == ' ')
                at++;
        return at < end && *at == '\t';
}

static unsigned line_at(const struct reader *reader, size_t offset)
{
        unsigned line = 1;

        for (size_t i = 0; i < offset && i < reader->size; i++)
                line += reader->text[i] == '\n';
        return line;
}

static int refuse(struct reader *reader)
{
        const yaml_parser_t *parser = &reader->parser;
        unsigned line = (unsigned)parser->problem_mark.line + 1;
        const char *problem = parser->problem ? parser->problem : "it cannot be read";

        if (parser->error == YAML_MEMORY_ERROR)
                return fault_set(reader->fault, -ENOMEM, "1: out of memory");
        if (parser->error == YAML_READER_ERROR)
                return fault_set(reader->fault, -EINVAL, "%u: not YAML: %s", line_at(reader, parser->problem_offset),
                                 problem);
        if (is_indented_by_tab(reader, line))
                return fault_set(reader->fault, -EINVAL, "%u: a tab in the indentation: YAML wants blanks", line);
        if (parser->context)
                return fault_set(reader->fault, -EINVAL, "%u: not YAML: %s %s that begins in line %u", line, problem,
                                 parser->context, (unsigned)parser->context_mark.line + 1);
        return fault_set(reader->fault, -EINVAL, "%u: not YAML: %s", line, problem);
}

static int next(struct reader *reader, yaml_event_t *event)
{
        return yaml_parser_parse(&reader->parser, event) ? 0 : refuse(reader);
}

/* ---- Nodes --------------------------------------------------------------------------------------------------- */

static int copy_text(char **ret, const yaml_char_t *text)
{
        if (!text)
                return 0;
        *ret = strdup((const char *)text);
        return *ret ? 0 : -ENOMEM;
}

static int node_new(struct reader *reader, enum tree_kind kind, const yaml_event_t *event, struct tree_node **ret)
{
        struct tree *tree = reader->tree;

        if (tree->count >= TREE_NODES_MAX)
                return fault_set(reader->fault, -EINVAL, "%u: more than %d values", line_of(event), TREE_NODES_MAX);
        if (tree->count % 64 == 0) {
                struct tree_node **nodes = realloc(tree->nodes, (tree->count + 64) * sizeof(struct tree_node *));
                if (!nodes)
                        return -ENOMEM;
                tree->nodes = nodes;
        }
        struct tree_node *node = calloc(1, sizeof(*node));
        if (!node)
                return -ENOMEM;
        *node = (struct tree_node){ .kind = kind, .line = line_of(event), .weight = 1 };
        tree->nodes[tree->count++] = node;
        *ret = node;
        return 0;
}

static int item_add(struct reader *reader, struct tree_node *parent, struct tree_item item)
{
        if ((parent->count & (parent->count - 1)) == 0) {
                size_t capacity = parent->count ? 2 * parent->count : 1;
                struct tree_item *items = realloc(parent->items, capacity * sizeof(struct tree_item));
                if (!items)
                        return -ENOMEM;
                parent->items = items;
        }
        parent->items[parent->count++] = item;
        parent->weight += item.node->weight;
        if (parent->weight > TREE_NODES_MAX)
                return fault_set(reader->fault, -EINVAL,
                                 "%u: more than %d values, aliases counted as often as they are used", item.line,
                                 TREE_NODES_MAX);
        return 0;
}

static struct tree_item *find(const struct tree_node *map, const char *key)
{
        for (size_t i = 0; i < map->count; i++)
                if (strcmp(map->items[i].key, key) == 0)
                        return &map->items[i];
        return NULL;
}

/* `<<: *defaults`: what the map does not have itself. */
static int merge_one(struct reader *reader, struct tree_node *map, const struct tree_node *from, unsigned line)
{
        int r = 0;

        if (from->kind != TREE_MAP)
                return fault_set(reader->fault, -EINVAL, "%u: <<: must be a map of keys, as in `<<: *name`", line);
        for (size_t i = 0; i < from->count && r == 0; i++)
                if (!find(map, from->items[i].key))
                        r = item_add(reader, map, from->items[i]);
        return r;
}

static int merge(struct reader *reader, struct tree_node *map)
{
        const struct tree_item *item = find(map, "<<");
        const struct tree_node *from = item ? item->node : NULL;
        unsigned line = item ? item->line : 0;
        int r = 0;

        if (!from || from->kind != TREE_LIST)
                return from ? merge_one(reader, map, from, line) : 0;
        for (size_t i = 0; i < from->count && r == 0; i++)
                r = merge_one(reader, map, from->items[i].node, line);
        return r;
}

/* ---- Events -------------------------------------------------------------------------------------------------- */

static int read_node(struct reader *reader, const yaml_event_t *event, struct tree_node **ret);

static int read_child(struct reader *reader, const yaml_event_t *event, struct tree_node *parent, const char *key,
                      unsigned key_line)
{
        struct tree_node *node = NULL;
        int r = read_node(reader, event, &node);

        return r < 0 ? r : item_add(reader, parent, (struct tree_item){ key, key ? key_line : node->line, node });
}

static int read_list(struct reader *reader, struct tree_node *list)
{
        for (;;) {
                CLEANUP_EVENT yaml_event_t event = { 0 };
                int r = next(reader, &event);
                if (r < 0 || event.type == YAML_SEQUENCE_END_EVENT)
                        return r;
                r = read_child(reader, &event, list, NULL, 0);
                if (r < 0)
                        return r;
        }
}

static int read_key(struct reader *reader, const yaml_event_t *event, const struct tree_node *map,
                    struct tree_node **ret)
{
        char shown[TEXT_SHOWN_MAX];
        int r = read_node(reader, event, ret);

        if (r < 0)
                return r;
        if ((*ret)->kind != TREE_TEXT)
                return fault_set(reader->fault, -EINVAL, "%u: a list or map as a key: a key is one word",
                                 line_of(event));
        const struct tree_item *twice = find(map, (*ret)->text);
        if (twice)
                return fault_set(reader->fault, -EINVAL, "%u: %s: the same key again, as in line %u: join the two",
                                 line_of(event), text_show((*ret)->text, shown), twice->line);
        return 0;
}

static int read_map(struct reader *reader, struct tree_node *map)
{
        for (;;) {
                CLEANUP_EVENT yaml_event_t event = { 0 };
                CLEANUP_EVENT yaml_event_t value = { 0 };
                struct tree_node *key = NULL;
                int r = next(reader, &event);
                if (r == 0 && event.type == YAML_MAPPING_END_EVENT)
                        return merge(reader, map);
                if (r == 0)
                        r = read_key(reader, &event, map, &key);
                if (r == 0)
                        r = next(reader, &value);
                if (r == 0)
                        r = read_child(reader, &value, map, key->text, line_of(&event));
                if (r < 0)
                        return r;
        }
}

static int read_alias(struct reader *reader, const yaml_event_t *event, struct tree_node **ret)
{
        const char *name = (const char *)event->data.alias.anchor;
        char shown[TEXT_SHOWN_MAX];

        /* The nearest before it counts. One that has not ended yet has no anchor yet: no circles. */
        for (size_t i = reader->tree->count; i > 0; i--) {
                struct tree_node *node = reader->tree->nodes[i - 1];
                if (node->anchor && strcmp(node->anchor, name) == 0) {
                        *ret = node;
                        return 0;
                }
        }
        return fault_set(reader->fault, -EINVAL, "%u: *%s: nothing complete before it is named &%s", line_of(event),
                         text_show(name, shown), shown);
}

/* Only tags of the program's own: `!!str` and the like change nothing here. */
static int take_tag(struct tree_node *node, const yaml_char_t *tag)
{
        return tag && tag[0] == '!' && tag[1] ? copy_text(&node->tag, tag) : 0;
}

static int read_text(struct tree_node *node, const yaml_event_t *event)
{
        int r = copy_text(&node->text, event->data.scalar.value);

        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        if (r == 0 && (strlen(node->text) != event->data.scalar.length || event->data.scalar.length > TREE_TEXT_MAX))
                node->text[0] = '\0'; /* no name, and no value that is known here; its length is not to be passed on */
        return r == 0 ? take_tag(node, event->data.scalar.tag) : r;
}

static int read_node(struct reader *reader, const yaml_event_t *event, struct tree_node **ret)
{
        const yaml_char_t *anchor = NULL;
        int r;

        if (event->type == YAML_ALIAS_EVENT)
                return read_alias(reader, event, ret);
        if (++reader->depth > TREE_DEPTH_MAX)
                return fault_set(reader->fault, -EINVAL, "%u: nested more than %d deep", line_of(event),
                                 TREE_DEPTH_MAX);
        if (event->type == YAML_SEQUENCE_START_EVENT) {
                anchor = event->data.sequence_start.anchor;
                r = node_new(reader, TREE_LIST, event, ret);
                r = r == 0 ? take_tag(*ret, event->data.sequence_start.tag) : r;
                r = r == 0 ? read_list(reader, *ret) : r;
        } else if (event->type == YAML_MAPPING_START_EVENT) {
                anchor = event->data.mapping_start.anchor;
                r = node_new(reader, TREE_MAP, event, ret);
                r = r == 0 ? take_tag(*ret, event->data.mapping_start.tag) : r;
                r = r == 0 ? read_map(reader, *ret) : r;
        } else {
                anchor = event->data.scalar.anchor;
                r = node_new(reader, TREE_TEXT, event, ret);
                r = r == 0 ? read_text(*ret, event) : r;
        }
        reader->depth--;
        return r == 0 ? copy_text(&(*ret)->anchor, anchor) : r;
}

/* Stream and document begin without a word; a second document is refused. */
static int read_documents(struct reader *reader)
{
        for (;;) {
                CLEANUP_EVENT yaml_event_t event = { 0 };
                struct tree_node *root = NULL;
                int r = next(reader, &event);
                if (r < 0 || event.type == YAML_STREAM_END_EVENT)
                        return r;
                if (event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT ||
                    event.type == YAML_DOCUMENT_END_EVENT)
                        continue;
                if (reader->tree->root)
                        return fault_set(reader->fault, -EINVAL,
                                         "%u: a second document begins here: import each from a file of its own",
                                         line_of(&event));
                r = read_node(reader, &event, &root);
                if (r < 0)
                        return r;
                reader->tree->root = root;
        }
}

int tree_read(const char *text, size_t size, struct tree *tree, struct fault *fault)
{
        struct reader reader = { .tree = tree, .text = text, .size = size, .fault = fault };

        *tree = (struct tree){ 0 };
        if (!yaml_parser_initialize(&reader.parser))
                return -ENOMEM;
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text ? text : ""), size);
        int r = read_documents(&reader);
        yaml_parser_delete(&reader.parser);
        return r;
}

void tree_done(struct tree *tree)
{
        for (size_t i = 0; i < tree->count; i++) {
                free(tree->nodes[i]->text);
                free(tree->nodes[i]->tag);
                free(tree->nodes[i]->anchor);
                free(tree->nodes[i]->items);
                free(tree->nodes[i]);
        }
        free(tree->nodes);
        *tree = (struct tree){ 0 };
}

const struct tree_node *tree_get(const struct tree_node *map, const char *key)
{
        const struct tree_item *item = map && map->kind == TREE_MAP ? find(map, key) : NULL;
        return item ? item->node : NULL;
}

bool tree_is_null(const struct tree_node *node)
{
        if (!node)
                return true;
        return node->kind == TREE_TEXT && node->plain && !node->tag &&
               (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}
