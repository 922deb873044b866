/* Writes with hiredis, which knows no Sentinel: asks the sentinels itself, and prints the
 * number of each acknowledged write.
 * usage: writer CLIENT MASTER-NAME SENTINEL... */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static redisContext *dial(const char *host, int port) {
    struct timeval limit = {2, 0};
    redisContext *c = redisConnectWithTimeout(host, port, limit);
    if (c != NULL && (c->err || redisSetTimeout(c, limit) != REDIS_OK)) {
        redisFree(c);
        c = NULL;
    }
    return c;
}

static redisContext *dial_addr(const char *addr) {
    char host[256];
    const char *colon = strrchr(addr, ':');
    snprintf(host, sizeof host, "%.*s", (int)(colon - addr), addr);
    return dial(host, atoi(colon + 1));
}

/* find_master connects to what the first sentinel names that answers. */
static redisContext *find_master(const char *name, char **sentinels, int n) {
    redisContext *master = NULL;
    for (int i = 0; i < n && master == NULL; i++) {
        redisContext *s = dial_addr(sentinels[i]);
        if (s == NULL) continue;
        redisReply *r = redisCommand(s, "SENTINEL GET-MASTER-ADDR-BY-NAME %s", name);
        if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2)
            master = dial(r->element[0]->str, atoi(r->element[1]->str));
        if (r != NULL) freeReplyObject(r);
        redisFree(s);
    }
    return master;
}

int main(int argc, char **argv) {
    redisContext *master = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int n = 1;; usleep(5000)) {
        if (master == NULL && (master = find_master(argv[2], argv + 3, argc - 3)) == NULL) continue;
        redisReply *r = redisCommand(master, "SET %s:%d %d", argv[1], n, n);
        if (r != NULL && r->type == REDIS_REPLY_STATUS) {
            printf("%d\n", n++);
        } else {
            redisFree(master);
            master = NULL;
        }
        if (r != NULL) freeReplyObject(r);
    }
}
