/*
 * The bench's sender: repeats a buffer of lines over TCP connections or as UDP datagrams, cheaply enough to be no bottleneck.
 *
 *   load tcp HOST PORT BYTES CONNECTIONS [RATE [SENDERS]] < lines
 *                                                        prints bytes sent and seconds; SENDERS: addresses that connect
 *   load steady HOST PORT BYTES CONNECTIONS PIECE SENDERS < lines
 *                                                        each connection writes a piece of so many bytes in turn; opened, and
 *                                                        written to once, before the clock starts. Says "ready BYTES" and
 *                                                        "sent BYTES SECONDS", each time going on when a byte comes on fd 3
 *   load drain HOST PORT                                a reader that does nothing else: how fast the kernel is. Says "ready",
 *                                                        then "BYTES LINES" for each byte on stdin
 *   load udp HOST PORT COUNT RATE < lines               RATE datagrams a second, prints datagrams sent and seconds; fastest
 *                                                        when all lines have one length
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PIECE_MAX 262144
#define PIECE_MIN 4096
#define CONTROL 3

static char *data;
static size_t size;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void read_input(void) {
  size_t room = 1 << 20;
  data = malloc(room);
  for (ssize_t got; (got = read(0, data + size, room - size)) > 0;) {
    size += (size_t)got;
    if (size == room) data = realloc(data, room *= 2);
  }
  if (size == 0) fail("no input");
}

/* Connects from 127.0.0.1, or from the address of a sender: 127.0.1.1 and so on. */
static int open_socket(int type, const char *host, int port, int sender) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, host, &to.sin_addr) != 1) fail("address");
  int s = socket(AF_INET, type, 0);
  if (s < 0) fail("socket");
  if (sender > 0) {
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(0x7f000100u + (unsigned)sender + (unsigned)(sender - 1) / 250 * 6);
    if (bind(s, (struct sockaddr *)&from, sizeof from) < 0) fail("bind");
  }
  if (connect(s, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
  return s;
}

static void wait_until(double due) {
  double wait = due - now();
  if (wait <= 0) return;
  struct timespec pause = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
  nanosleep(&pause, NULL);
}

static void allow_many_files(void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

static int *open_connections(const char *host, int port, int connections, int senders) {
  allow_many_files();
  int *sockets = malloc(sizeof(int) * (size_t)connections);
  for (int i = 0; i < connections; i++) sockets[i] = open_socket(SOCK_STREAM, host, port, senders > 0 ? 1 + i % senders : 0);
  return sockets;
}

/* Writes the next whole lines, as many as fit in a piece and at least one; returns their bytes. */
static size_t write_piece(int s, size_t piece) {
  static size_t at;
  size_t begin = at, end = at + piece < size ? at + piece : size;
  while (end > begin && data[end - 1] != '\n') end--;
  if (end == begin) end = (size_t)((char *)memchr(data + begin, '\n', size - begin) - data) + 1;
  while (at < end) {
    ssize_t n = write(s, data + at, end - at);
    if (n < 0) fail("write");
    at += (size_t)n;
  }
  if (at == size) at = 0;
  return end - begin;
}

static void close_connections(int *sockets, int connections) {
  for (int i = 0; i < connections; i++) {
    shutdown(sockets[i], SHUT_WR);
    char rest[64];
    while (read(sockets[i], rest, sizeof rest) > 0) {}
    close(sockets[i]);
  }
}

/* Connections take turns, each with a piece of whole lines. RATE in bytes a second, 0 for as fast as it goes. */
static void tcp(const char *host, int port, double bytes, int connections, double rate, int senders) {
  int *sockets = open_connections(host, port, connections, senders);
  size_t piece = (size_t)(bytes / connections);
  if (piece > PIECE_MAX) piece = PIECE_MAX;
  if (piece < PIECE_MIN) piece = PIECE_MIN;
  double began = now(), sent = 0;
  for (int i = 0; sent < bytes; i = (i + 1) % connections) {
    sent += (double)write_piece(sockets[i], piece);
    if (rate > 0) wait_until(began + sent / rate);
  }
  close_connections(sockets, connections);
  printf("%.0f %.6f\n", sent, now() - began);
}

/* Goes on when the bench says so. */
static void wait_for_word(void) {
  char word;
  fflush(stdout);
  if (read(CONTROL, &word, 1) != 1) exit(1);
}

static void steady(const char *host, int port, double bytes, int connections, size_t piece, int senders) {
  int *sockets = open_connections(host, port, connections, senders);
  double first = 0, sent = 0;
  for (int i = 0; i < connections; i++) first += (double)write_piece(sockets[i], piece);
  printf("ready %.0f\n", first);
  wait_for_word();
  double began = now();
  for (int i = 0; sent < bytes; i = (i + 1) % connections) sent += (double)write_piece(sockets[i], piece);
  printf("sent %.0f %.6f\n", sent, now() - began);
  wait_for_word();
  close_connections(sockets, connections);
}

static void drain(const char *host, int port) {
  allow_many_files();
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &at.sin_addr);
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1, epoll = epoll_create1(0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 511) < 0) fail("listen");
  struct epoll_event events[1024], add = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &add);
  add.data.fd = 0;
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &add);
  printf("ready\n");
  fflush(stdout);
  static char buffer[PIECE_MAX];
  double bytes = 0, lines = 0;
  for (;;) {
    int count = epoll_wait(epoll, events, 1024, -1);
    for (int i = 0; i < count; i++) {
      int s = events[i].data.fd;
      if (s == listener) {
        add.data.fd = accept(listener, NULL, NULL);
        epoll_ctl(epoll, EPOLL_CTL_ADD, add.data.fd, &add);
        continue;
      }
      ssize_t n = read(s, buffer, s == 0 ? 1 : sizeof buffer);
      if (s == 0 && n <= 0) return;
      if (s == 0) {
        printf("%.0f %.0f\n", bytes, lines);
        fflush(stdout);
      } else if (n <= 0) close(s);
      else {
        bytes += (double)n;
        for (char *p = buffer; (p = memchr(p, '\n', (size_t)(buffer + n - p))) != NULL; p++) lines++;
      }
    }
  }
}

/* Length that all lines have, or 0 when they differ. */
static size_t line_length(void) {
  char *end = memchr(data, '\n', size);
  if (end == NULL) return size;
  size_t length = (size_t)(end - data);
  if (size % (length + 1) != 0) return 0;
  for (size_t at = length; at < size; at += length + 1)
    if (data[at] != '\n') return 0;
  return length;
}

/*
 * Datagrams of one length go through the stack as one packet that the kernel cuts up at the receiving socket (UDP_SEGMENT): about
 * a quarter of the cost, without which one core sends 190,000 a second at most. The receiver sees no difference.
 */
static void udp(const char *host, int port, long count, double rate) {
  int s = open_socket(SOCK_DGRAM, host, port, 0);
  int length = (int)line_length();
  if (length == 0 || setsockopt(s, SOL_UDP, UDP_SEGMENT, &length, sizeof length) < 0) length = 0;
  setpriority(PRIO_PROCESS, 0, -10); /* a firewall does not wait for the collector's CPU; without the right it has to here */
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  memset(messages, 0, sizeof messages);
  int burst = rate / 1000 < 1 ? 1 : rate / 1000 > BATCH ? BATCH : (int)(rate / 1000); /* a millisecond's worth */
  size_t at = 0;
  long sent = 0;
  double began = now();
  while (sent < count) {
    int batch = count - sent < burst ? (int)(count - sent) : burst;
    for (int i = 0; i < batch; i++) {
      char *end = memchr(data + at, '\n', size - at);
      parts[i].iov_base = data + at;
      parts[i].iov_len = end ? (size_t)(end - data) - at : size - at;
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = length ? (size_t)batch : 1;
      at += parts[i].iov_len + 1;
      if (at >= size) at = 0;
    }
    int calls = length ? 1 : batch;
    for (int done = 0; done < calls;) {
      int n = sendmmsg(s, messages + done, (unsigned)(calls - done), 0);
      if (n < 0 && errno != ECONNREFUSED && errno != ENOBUFS) fail("sendmmsg");
      if (n > 0) done += n;
    }
    sent += batch;
    wait_until(began + sent / rate);
  }
  printf("%ld %.6f\n", sent, now() - began);
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "drain") == 0) {
    drain(argv[2], atoi(argv[3]));
    return 0;
  }
  if (argc >= 6) {
    read_input();
    if (strcmp(argv[1], "udp") == 0) udp(argv[2], atoi(argv[3]), atol(argv[4]), atof(argv[5]));
    else if (strcmp(argv[1], "steady") == 0 && argc == 8)
      steady(argv[2], atoi(argv[3]), atof(argv[4]), atoi(argv[5]), (size_t)atol(argv[6]), atoi(argv[7]));
    else tcp(argv[2], atoi(argv[3]), atof(argv[4]), atoi(argv[5]), argc > 6 ? atof(argv[6]) : 0, argc > 7 ? atoi(argv[7]) : 0);
    return 0;
  }
  fprintf(stderr, "usage: load tcp HOST PORT BYTES CONNECTIONS [RATE [SENDERS]] | load udp HOST PORT COUNT RATE |\n"
                  "       load steady HOST PORT BYTES CONNECTIONS PIECE SENDERS | load drain HOST PORT\n");
  return 2;
}
