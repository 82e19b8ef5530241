#include "autosampling/comm/deadline.hpp"

#include "autosampling/base/build_info.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/comm/message.hpp"
#include "communicator_state.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace autosampling {
namespace {

constexpr int gather_tag = 0;

MPI_Comm duplicate(MPI_Comm comm, Communicator::Seconds limit) {
    MPI_Comm copy = MPI_COMM_NULL;
    const Deadline deadline(limit, "MPI_Comm_dup");
    check_mpi(MPI_Comm_dup(comm, &copy), "MPI_Comm_dup");
    check_mpi(MPI_Comm_set_errhandler(copy, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    return copy;
}

bool mpi_runs() {
    int started = 0;
    int ended = 0;
    MPI_Initialized(&started);
    MPI_Finalized(&ended);
    return started != 0 && ended == 0;
}

// Calls start(piece) -> MPI_Request for each piece of at most `limit` elements, and collects the requests.
template<class T, class Start>
void start_pieces(std::span<T> all, std::size_t limit, std::vector<MPI_Request>& requests, Start start) {
    for (std::size_t at = 0; at < all.size(); at += limit) {
        requests.push_back(start(all.subspan(at, std::min(limit, all.size() - at))));
    }
}

} // namespace

void check_mpi(int code, const char* call) {
    if (code == MPI_SUCCESS) return;
    std::string words(MPI_MAX_ERROR_STRING, '\0');
    int length = 0;
    MPI_Error_string(code, words.data(), &length);
    words.resize(to_size(length));
    throw Error(ExitCode::failure, text(call, " failed (", words, "): see the output of the other ranks and of MPI"));
}

int mpi_count(std::size_t count) {
    VALIDATE(count <= to_size(std::numeric_limits<int>::max()), ExitCode::failure, "a message of ", count,
             " elements cannot be sent (MPI counts with an int): send it in pieces");
    return narrow<int>(count);
}

Communicator::Communicator(MPI_Comm parent, std::size_t message_limit, Seconds timeout)
    : state_(std::make_unique<State>()) {
    EXPECT(message_limit >= sizeof(std::int64_t) && message_limit <= largest_message);
    state_->message_limit = message_limit;
    state_->timeout = timeout;
    state_->data = duplicate(parent, timeout);
    state_->reports = duplicate(state_->data, timeout);
    check_mpi(MPI_Comm_rank(state_->data, &state_->rank), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(state_->data, &state_->size), "MPI_Comm_size");
}

Communicator::~Communicator() {
    if (!state_) return;
    if (state_->timed_out) {
        (void)state_.release();
    } else if (mpi_runs()) {
        MPI_Comm_free(&state_->reports);
        MPI_Comm_free(&state_->data);
    }
}

Communicator::Communicator(Communicator&&) noexcept = default;
Communicator& Communicator::operator=(Communicator&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

int Communicator::rank() const noexcept {
    return state_->rank;
}
int Communicator::size() const noexcept {
    return state_->size;
}
MPI_Comm Communicator::raw() const noexcept {
    return state_->data;
}
void Communicator::set_timeout(Seconds timeout) {
    state_->timeout = timeout;
}
Communicator::Seconds Communicator::timeout() const noexcept {
    return state_->timeout;
}
void Communicator::set_cycle(std::int64_t cycle) {
    state_->cycle = cycle;
}

void Communicator::learn_hosts() {
    std::vector<std::string> hosts = gather_messages(*this, host_name());
    broadcast_message(*this, hosts);
    state_->hosts = std::make_shared<const std::vector<std::string>>(std::move(hosts));
}

std::string Communicator::name_of(int rank) const {
    int number = rank;
    MPI_Group group = MPI_GROUP_NULL;
    MPI_Group world = MPI_GROUP_NULL;
    check_mpi(MPI_Comm_group(state_->data, &group), "MPI_Comm_group");
    check_mpi(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group");
    check_mpi(MPI_Group_translate_ranks(group, 1, &rank, world, &number), "MPI_Group_translate_ranks");
    MPI_Group_free(&group);
    MPI_Group_free(&world);
    return text("rank ", number, state_->hosts ? " on " + state_->hosts->at(to_size(number)) : "");
}

// A communicator like this one over `part`, which it frees. Collective over `part`.
Communicator Communicator::adopt(MPI_Comm part) const {
    Communicator made(part, state_->message_limit, state_->timeout);
    check_mpi(MPI_Comm_free(&part), "MPI_Comm_free");
    made.set_cycle(state_->cycle);
    made.state_->hosts = state_->hosts;
    return made;
}

Communicator Communicator::split(int colour) const {
    EXPECT(colour >= 0);
    barrier(); // names a rank that is silent, as the deadline can't
    const Deadline deadline(state_->timeout, "MPI_Comm_split");
    MPI_Comm part = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split(state_->data, colour, rank(), &part), "MPI_Comm_split");
    return adopt(part);
}

Communicator Communicator::split_by_node() const {
    barrier();
    const Deadline deadline(state_->timeout, "MPI_Comm_split_type");
    MPI_Comm part = MPI_COMM_NULL;
    check_mpi(MPI_Comm_split_type(state_->data, MPI_COMM_TYPE_SHARED, rank(), MPI_INFO_NULL, &part),
              "MPI_Comm_split_type");
    return adopt(part);
}

void Communicator::barrier() const {
    check_agreement("barrier", 0, 0, 0);
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibarrier(state_->data, &request), "MPI_Ibarrier");
    wait(std::span(&request, 1), "barrier");
}

void Communicator::broadcast_bytes(std::span<std::byte> bytes, std::size_t element, int root) const {
    check_agreement("broadcast", element, bytes.size() / element, root);
    std::vector<MPI_Request> requests;
    start_pieces(bytes, state_->message_limit, requests, [&](std::span<std::byte> piece) {
        MPI_Request request = MPI_REQUEST_NULL;
        check_mpi(MPI_Ibcast(piece.data(), mpi_count(piece.size()), MPI_BYTE, root, state_->data, &request),
                  "MPI_Ibcast");
        return request;
    });
    wait(requests, "broadcast");
}

template<class T>
void Communicator::sum_values(std::span<T> values, MPI_Datatype type) const {
    check_agreement("sum", sizeof(T), values.size(), 0);
    std::vector<MPI_Request> requests;
    start_pieces(values, state_->message_limit / sizeof(T), requests, [&](std::span<T> piece) {
        MPI_Request request = MPI_REQUEST_NULL;
        check_mpi(
            MPI_Iallreduce(MPI_IN_PLACE, piece.data(), mpi_count(piece.size()), type, MPI_SUM, state_->data, &request),
            "MPI_Iallreduce");
        return request;
    });
    wait(requests, "sum");
}

void Communicator::sum(std::span<std::int64_t> values) const {
    sum_values(values, MPI_INT64_T);
}
void Communicator::sum(std::span<float> values) const {
    sum_values(values, MPI_FLOAT);
}

std::vector<std::byte> Communicator::all_gather_bytes(std::span<const std::byte> mine, std::size_t element) const {
    check_agreement("all_gather", element, 0, 0);
    const std::uint64_t my_size = mine.size();
    std::vector<std::uint64_t> sizes(to_size(size()));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallgather(&my_size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, state_->data, &request),
              "MPI_Iallgather");
    wait(std::span(&request, 1), "all_gather");

    std::vector<std::size_t> starts(sizes.size() + 1, 0);
    std::partial_sum(sizes.begin(), sizes.end(), starts.begin() + 1);
    std::vector<std::byte> all(starts.back());
    if (all.size() > state_->message_limit) {
        const auto me = to_size(rank());
        std::copy(mine.begin(), mine.end(), all.begin() + narrow<std::ptrdiff_t>(starts[me]));
        for (int root = 0; root < size(); ++root) {
            const auto from = to_size(root);
            broadcast_bytes(std::span(all).subspan(starts[from], sizes[from]), element, root);
        }
        return all;
    }
    const std::vector<int> counts(sizes.begin(), sizes.end());
    const std::vector<int> offsets(starts.begin(), starts.end() - 1);
    check_mpi(MPI_Iallgatherv(mine.data(), mpi_count(mine.size()), MPI_BYTE, all.data(), counts.data(), offsets.data(),
                              MPI_BYTE, state_->data, &request),
              "MPI_Iallgatherv");
    wait(std::span(&request, 1), "all_gather");
    return all;
}

std::vector<std::byte> Communicator::gather_bytes(std::span<const std::byte> mine, std::size_t element,
                                                  int root) const {
    check_agreement("gather", element, 0, root);
    const std::uint64_t my_size = mine.size();
    std::vector<std::uint64_t> sizes(rank() == root ? to_size(size()) : 0);
    std::vector<MPI_Request> requests(1, MPI_REQUEST_NULL);
    check_mpi(
        MPI_Igather(&my_size, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, root, state_->data, requests.data()),
        "MPI_Igather");
    wait(requests, "gather");

    requests.clear();
    std::vector<std::byte> all(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}));
    std::size_t at = 0;
    for (std::size_t source = 0; source < sizes.size(); at += sizes[source], ++source) {
        start_pieces(std::span(all).subspan(at, sizes[source]), state_->message_limit, requests,
                     [&](std::span<std::byte> piece) {
                         MPI_Request request = MPI_REQUEST_NULL;
                         check_mpi(MPI_Irecv(piece.data(), mpi_count(piece.size()), MPI_BYTE, narrow<int>(source),
                                             gather_tag, state_->data, &request),
                                   "MPI_Irecv");
                         return request;
                     });
    }
    start_pieces(mine, state_->message_limit, requests, [&](std::span<const std::byte> piece) {
        MPI_Request request = MPI_REQUEST_NULL;
        check_mpi(MPI_Isend(piece.data(), mpi_count(piece.size()), MPI_BYTE, root, gather_tag, state_->data, &request),
                  "MPI_Isend");
        return request;
    });
    wait(requests, "gather");
    return all;
}

#ifdef AUTOSAMPLING_CONTRACTS
struct Communicator::Call {
    char operation[16];
    std::uint64_t element;
    std::uint64_t count;
    std::int64_t cycle;
    std::int64_t root;
};

void Communicator::check_agreement(const char* operation, std::size_t element, std::size_t count, int root) const {
    Call mine{{}, element, count, state_->cycle, root};
    std::strncpy(mine.operation, operation, sizeof mine.operation - 1);
    std::vector<Call> calls(to_size(size()));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallgather(&mine, sizeof mine, MPI_BYTE, calls.data(), sizeof mine, MPI_BYTE, state_->data, &request),
              "MPI_Iallgather");
    wait(std::span(&request, 1), operation);
    const bool agreed = std::all_of(calls.begin(), calls.end(), [&](const Call& call) {
        return std::memcmp(&call, calls.data(), sizeof call) == 0;
    });
    if (agreed) return;
    std::string differences = "the ranks disagree on a collective:";
    for (const Call& call : calls) {
        differences += text(" [", call.operation, " element ", call.element, " count ", call.count, " cycle ",
                            call.cycle, " root ", call.root, "]");
    }
    throw std::logic_error(differences);
}
#else
void Communicator::check_agreement(const char*, std::size_t, std::size_t, int) const {}
#endif

} // namespace autosampling
