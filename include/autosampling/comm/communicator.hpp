// The communicator: an owned duplicate with MPI_ERRORS_RETURN, typed collectives on spans, agreement on errors.
//
// Every collective is non-blocking underneath and polled until the time-out; on a time-out each rank that waits reports
// to rank 0, which names the silent ones, and Error(timeout) is thrown (not agreed: main aborts the job with 75).
// In debug builds every collective first checks that all ranks agree on operation, element size, count and cycle.
#pragma once

#include "autosampling/base/error.hpp"

#include <mpi.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace autosampling {

template<class T>
concept Transferable = std::is_trivially_copyable_v<T>;

class Communicator {
  public:
    // Data of a collective travel in messages of at most this many bytes: MPI counts with an int.
    static constexpr std::size_t largest_message = std::size_t{1} << 30;

    using Seconds = std::chrono::duration<double>;

    // Duplicates `parent`; collective over it. `message_limit` in bytes, ≥ 8 and ≤ largest_message.
    explicit Communicator(MPI_Comm parent, std::size_t message_limit = largest_message,
                          Seconds timeout = std::chrono::minutes(10));
    ~Communicator(); // frees the duplicates where MPI still runs; never communicates
    Communicator(Communicator&&) noexcept;
    Communicator& operator=(Communicator&&) noexcept;

    int rank() const noexcept;
    int size() const noexcept;
    bool is_root() const noexcept { return rank() == 0; }
    MPI_Comm raw() const noexcept;

    // How long a collective may wait; and the cycle that messages about it name (negative: none).
    void set_timeout(Seconds timeout);
    Seconds timeout() const noexcept;
    void set_cycle(std::int64_t cycle);
    // The operation as messages name it: "exchange of cycle 12".
    std::string place_of(const char* operation) const;
    // Lets messages say on which host a rank is; so those of the communicators split from this one. Collective over the
    // whole job.
    void learn_hosts();
    // "rank 3 on h2", by its number in the whole job; the host, once it was learned.
    std::string name_of(int rank) const;

    // Ranks with the same colour (≥ 0), in today's order. Collective.
    Communicator split(int colour) const;
    // The ranks that share memory with this one. Collective.
    Communicator split_by_node() const;

    // Collective, all of them; `root` is a rank of this communicator.
    void barrier() const;
    template<Transferable T>
    void broadcast(std::span<T> values, int root) const {
        broadcast_bytes(std::as_writable_bytes(values), sizeof(T), root);
    }
    // values[i] of every rank added up; the order cannot matter for whole numbers.
    void sum(std::span<std::int64_t> values) const;
    // Real numbers, added up in an order that is the MPI library's, the same on every rank.
    void sum(std::span<float> values) const;
    // All ranks' values, rank after rank; each may give another number of them.
    template<Transferable T>
    std::vector<T> all_gather(std::span<const T> mine) const {
        return values_of<T>(all_gather_bytes(std::as_bytes(mine), sizeof(T)));
    }
    // The same to rank `root` only; empty elsewhere.
    template<Transferable T>
    std::vector<T> gather(std::span<const T> mine, int root) const {
        return values_of<T>(gather_bytes(std::as_bytes(mine), sizeof(T), root));
    }

    // Runs `action` on every rank, locally; if it throws on any, every rank throws the lowest such rank's error,
    // agreed, and naming it unless all throw. An exception that is no Error counts as Error(failure). Collective.
    void agree(const std::function<void()>& action) const;
    // Runs `action` on the root only; if it throws, every rank throws that error, agreed; an Error(failure) names the
    // root. Collective.
    void on_root(const std::function<void()>& action) const;

    // Polls `done`, whatever it looks at, until it is true; the time-out is as above. For the transports.
    void wait_until(const std::function<bool()>& done, const char* operation) const;
    // So for started operations of MPI. Null requests count as complete.
    void wait(std::span<MPI_Request> requests, const char* operation) const;

  private:
    struct Call;
    struct State;
    class Waiter;

    void broadcast_bytes(std::span<std::byte> bytes, std::size_t element, int root) const;
    std::vector<std::byte> all_gather_bytes(std::span<const std::byte> mine, std::size_t element) const;
    std::vector<std::byte> gather_bytes(std::span<const std::byte> mine, std::size_t element, int root) const;
    template<class T>
    void sum_values(std::span<T> values, MPI_Datatype type) const;
    void check_agreement(const char* operation, std::size_t element, std::size_t count, int root) const;
    Communicator adopt(MPI_Comm part) const;

    template<class T>
    static std::vector<T> values_of(const std::vector<std::byte>& bytes) {
        std::vector<T> values(bytes.size() / sizeof(T));
        if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
        return values;
    }

    std::unique_ptr<State> state_;
};

// Throws Error(failure) with MPI's own words and the name of the call.
void check_mpi(int code, const char* call);
// `count` as MPI's int. Throws Error(failure) where it does not fit.
int mpi_count(std::size_t count);

} // namespace autosampling
