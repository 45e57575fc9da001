/* SPDX-License-Identifier: Apache-2.0 */
#include "bus/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/thread.h"

/* Shared by the resolver and the thread; the last one to let go frees it. */
struct job {
        atomic_int references;
        pthread_mutex_t lock;
        int fd; /* -1 once the resolver has gone; under the lock */
        resolve_lookup_fn lookup;
        struct resolve_answer *answer;
        /* the resolver's alone */
        struct resolver *resolver;
        sd_event_source *source;
        struct job *next;
        char host[];
};

struct resolver {
        struct loop *loop;
        resolve_done_fn done;
        void *userdata;
        struct job *jobs;
        struct job *wanted;
};

static resolve_lookup_fn test_lookup;

void resolve_set_lookup(resolve_lookup_fn lookup)
{
        test_lookup = lookup;
}

static void job_unref(struct job *job)
{
        if (atomic_fetch_sub(&job->references, 1) != 1)
                return;
        (void)pthread_mutex_destroy(&job->lock);
        free(job->answer);
        free(job);
}

static bool answer_has(const struct resolve_answer *answer, const char *address)
{
        for (size_t i = 0; i < answer->count; i++)
                if (strcmp(answer->addresses[i], address) == 0)
                        return true;
        return false;
}

static void answer_fill(struct resolve_answer *answer, const struct addrinfo *list)
{
        char text[RESOLVE_ADDRESS_MAX];

        for (const struct addrinfo *ai = list; ai && answer->count < RESOLVE_ADDRESSES_MAX; ai = ai->ai_next) {
                if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
                        continue;
                if (getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0 &&
                    !answer_has(answer, text))
                        memcpy(answer->addresses[answer->count++], text, sizeof(text));
        }
        if (answer->count == 0)
                answer->error = EAI_NONAME;
}

static void *look_up(void *userdata)
{
        struct job *job = userdata;
        struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
        struct addrinfo *list = NULL;

        job->answer->error = job->lookup(job->host, NULL, &hints, &list);
        job->answer->errno_ = errno;
        if (job->answer->error == 0) {
                answer_fill(job->answer, list);
                freeaddrinfo(list);
        }
        (void)pthread_mutex_lock(&job->lock);
        if (job->fd >= 0)
                thread_wake(job->fd);
        (void)pthread_mutex_unlock(&job->lock);
        job_unref(job);
        return NULL;
}

/* Lets go of a job: its thread, if it still runs, finishes alone. */
static void job_drop(struct job *job)
{
        sd_event_source_disable_unref(job->source);
        (void)pthread_mutex_lock(&job->lock);
        cleanup_closep(&job->fd);
        job->fd = -1;
        (void)pthread_mutex_unlock(&job->lock);
        job_unref(job);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct job *job = userdata;
        struct resolver *resolver = job->resolver;
        bool wanted = resolver->wanted == job;

        (void)source;
        (void)fd;
        (void)events;
        for (struct job **at = &resolver->jobs; *at; at = &(*at)->next) {
                if (*at == job) {
                        *at = job->next;
                        break;
                }
        }
        if (wanted)
                resolver->wanted = NULL;
        atomic_fetch_add(&job->references, 1);
        job_drop(job);
        /* The answer was written before the lock was taken. The resolver is not touched after this: the callee may free
         * it. */
        if (wanted)
                resolver->done(resolver->userdata, job->answer);
        job_unref(job);
        return 0;
}

static int job_new(struct resolver *resolver, const char *host, struct job **ret)
{
        size_t length = strlen(host);
        struct job *job = calloc(1, sizeof(*job) + length + 1);
        if (!job)
                return -ENOMEM;
        atomic_init(&job->references, 1);
        (void)pthread_mutex_init(&job->lock, NULL);
        memcpy(job->host, host, length + 1);
        job->resolver = resolver;
        job->lookup = test_lookup ? test_lookup : getaddrinfo;
        job->fd = -1;
        job->answer = calloc(1, sizeof(*job->answer) + (size_t)RESOLVE_ADDRESSES_MAX * RESOLVE_ADDRESS_MAX);

        int r = job->answer ? 0 : -ENOMEM;
        if (r == 0) {
                job->fd = thread_wakeup_new();
                r = MIN(job->fd, 0);
        }
        if (r == 0)
                r = loop_add_io(resolver->loop, job->fd, LOOP_NETWORK, on_answer, job, &job->source);
        if (r >= 0) {
                atomic_fetch_add(&job->references, 1);
                r = thread_start("resolve", look_up, job);
                if (r < 0)
                        atomic_fetch_sub(&job->references, 1);
        }
        if (r < 0) {
                job_drop(job);
                return r;
        }
        *ret = job;
        return 0;
}

int resolver_ask(struct resolver *resolver, const char *host)
{
        for (struct job *job = resolver->jobs; job; job = job->next) {
                if (strcmp(job->host, host) == 0) {
                        resolver->wanted = job;
                        return 0;
                }
        }

        struct job *job = NULL;
        int r = job_new(resolver, host, &job);
        if (r < 0)
                return r;
        job->next = resolver->jobs;
        resolver->jobs = job;
        resolver->wanted = job;
        return 0;
}

void resolver_forget(struct resolver *resolver)
{
        resolver->wanted = NULL;
}

int resolver_new(struct loop *loop, resolve_done_fn done, void *userdata, struct resolver **ret)
{
        struct resolver *resolver = calloc(1, sizeof(*resolver));
        if (!resolver)
                return -ENOMEM;
        resolver->loop = loop;
        resolver->done = done;
        resolver->userdata = userdata;
        *ret = resolver;
        return 0;
}

void resolver_free(struct resolver *resolver)
{
        if (!resolver)
                return;
        while (resolver->jobs) {
                struct job *job = resolver->jobs;
                resolver->jobs = job->next;
                job_drop(job);
        }
        free(resolver);
}
