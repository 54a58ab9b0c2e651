/**
 * @file
 * One thread of the HTTP server: it serves the connections that it is given with an instance of the library
 * (libmicrohttpd) that is its own.
 *
 * The waiting is done here, not by the library's threads: those (0.9.75) ask for 128 events at a time and, when exactly
 * so many came, wait for one more before they look at any, which takes until a connection has been idle for too long.
 */
#pragma once

#include "api/connection_counts.hpp"
#include "api/server.hpp"
#include "base/unique_fd.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <microhttpd.h>
#include <sys/socket.h>

namespace shifter::api {

/** A connection that does not block, and whose it is. */
struct Accepted {
    UniqueFd fd;
    sockaddr_storage address{};
    socklen_t length = 0;
};

class HttpWorker {
public:
    /**
     * @param limits, handler, counts stay the caller's
     * @throws Error when the library or the kernel gives no more
     */
    HttpWorker(const ServerLimits & limits, const HttpServer::Handler & handler, ConnectionCounts & counts);
    /** Waits for the handler that runs, and closes the worker's connections. */
    ~HttpWorker();
    HttpWorker(const HttpWorker &) = delete;
    HttpWorker & operator=(const HttpWorker &) = delete;

    /** Takes a connection that `counts` has counted; from any thread. */
    void take(Accepted accepted);
    /** Connections that it has, those among them that it has not looked at yet. */
    [[nodiscard]] unsigned load() const noexcept { return load_; }
    /** Whether it cannot look at another connection at the moment. */
    [[nodiscard]] bool is_busy() const noexcept { return is_busy_; }
    /** Begins to end, and does not wait. */
    void stop();
    /** Connections that ended since it was asked last. */
    [[nodiscard]] unsigned take_ended() { return ended_.exchange(0); }

private:
    using Clock = std::chrono::steady_clock;
    struct Arriving; ///< what one request has brought so far

    static void * note_target(void * self, const char * target, MHD_Connection * connection);
    static MHD_Result answer(void * self, MHD_Connection * connection, const char * url, const char * method,
                             const char * version, const char * upload, std::size_t * upload_bytes, void ** context);
    static void finish(void * self, MHD_Connection * connection, void ** context, MHD_RequestTerminationCode why);
    static void note_connection(void * self, MHD_Connection * connection, void ** context,
                                MHD_ConnectionNotificationCode code);
    [[nodiscard]] MHD_Result serve(MHD_Connection * connection, const char * method, const char * upload,
                                   std::size_t * upload_bytes, Arriving & arriving);
    [[nodiscard]] MHD_Result begin(MHD_Connection * connection, const char * method, Arriving & arriving);
    void run(const std::stop_token & stop);
    void wait();
    void begin_those_taken();
    void end_slow_exchanges();

    const ServerLimits & limits_;
    const HttpServer::Handler & handler_;
    ConnectionCounts & counts_;
    MHD_Daemon * daemon_ = nullptr;
    UniqueFd events_; ///< epoll: the library's, and wake_
    UniqueFd wake_;   ///< eventfd
    std::mutex mutex_;
    std::deque<Accepted> taken_; ///< and not begun; guarded by mutex_
    std::atomic<unsigned> load_{0};
    std::atomic<bool> is_busy_{false};
    bool has_more_ = false;                                    ///< taken ones, which are begun in the next round
    bool is_begun_ = false;                                    ///< the connection that is being added
    std::unordered_map<int, Clock::time_point> last_progress_; ///< by descriptor, while the connection is open
    std::atomic<unsigned> ended_{0};
    std::jthread thread_;
};

} // namespace shifter::api
