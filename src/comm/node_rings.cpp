#include "node_rings.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"
#include "shares.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace autosampling {
namespace {

constexpr std::size_t page = 4096;

std::size_t bytes_of_counts(int ranks) {
    const std::size_t counts = to_size(ranks) + NodeRings::most * (2 + to_size(ranks));
    return (counts * sizeof(std::uint64_t) + page - 1) / page * page;
}

std::size_t bytes_for(int ranks) {
    return bytes_of_counts(ranks) + NodeRings::most * NodeRings::piece_length * sizeof(float);
}

// Copies past the cache: what is written isn't read for it first, nor does it push out what other ranks will take.
void copy_past_cache(std::span<const float> from, float* to) {
#ifdef __SSE2__
    constexpr std::size_t line = 16; // values
    const std::size_t ahead = (64 - reinterpret_cast<std::uintptr_t>(to) % 64) % 64 / sizeof(float);
    std::size_t i = std::min(ahead, from.size());
    std::memcpy(to, from.data(), i * sizeof(float));
    for (; i + line <= from.size(); i += line)
        for (std::size_t quarter = i; quarter < i + line; quarter += 4)
            _mm_stream_ps(to + quarter, _mm_loadu_ps(from.data() + quarter));
    _mm_sfence();
    from = from.subspan(i);
    to += i;
#endif
    std::memcpy(to, from.data(), from.size_bytes());
}

} // namespace

NodeRings::NodeRings(const Communicator& node) : rank_(node.rank()), ranks_(node.size()) {
    if (ranks_ == 1) return;
    SharedMemory memory(node, bytes_for(ranks_), {"/dev/shm"}); // a file on a disk would be written there
    if (memory.is_shared()) memory_.emplace(std::move(memory));
}

NodeRings::Count& NodeRings::ended(int rank) const {
    return reinterpret_cast<Count*>(memory_->bytes().data())[rank];
}
NodeRings::Count& NodeRings::length(std::size_t ring) const {
    return (&ended(ranks_))[ring * (2 + to_size(ranks_))];
}
NodeRings::Count& NodeRings::pieces_put(std::size_t ring) const {
    return (&length(ring))[1];
}
NodeRings::Count& NodeRings::pieces_taken(std::size_t ring, int rank) const {
    return (&length(ring))[2 + rank];
}

std::span<float> NodeRings::slot(std::size_t ring, std::size_t piece) const {
    auto* const slots = reinterpret_cast<float*>(memory_->bytes().data() + bytes_of_counts(ranks_));
    return {slots + (ring * slots_ + piece % slots_) * piece_length, piece_length};
}

std::size_t NodeRings::in_this_exchange(Count& pieces) const {
    const Count now = std::atomic_ref(pieces).load(std::memory_order_acquire);
    return now >> 32 == exchange_ ? now & 0xffffffff : 0;
}

void NodeRings::count(Count& pieces, std::size_t now) const {
    std::atomic_ref(pieces).store(exchange_ << 32 | now, std::memory_order_release);
}

void NodeRings::begin(std::size_t rings) {
    EXPECT(rings <= most);
    ++exchange_;
    slots_ = most / std::max<std::size_t>(rings, 1);
}

void NodeRings::end() {
    if (exist()) std::atomic_ref(ended(rank_)).store(exchange_, std::memory_order_release);
}

// Whether nobody takes anything of the exchange before this one any more, so that its memory may be written to.
bool NodeRings::is_last_one_over() const {
    for (int rank = 0; rank < ranks_; ++rank)
        if (std::atomic_ref(ended(rank)).load(std::memory_order_acquire) + 1 < exchange_) return false;
    return true;
}

bool NodeRings::put(std::size_t ring, std::span<const float> state, std::size_t piece, std::span<const int> readers) {
    if (!is_last_one_over()) return false;
    for (const int reader : readers)
        if (in_this_exchange(pieces_taken(ring, reader)) + slots_ <= piece) return false;
    const std::span<const float> values = piece_of(state, piece, piece_length);
    std::memcpy(slot(ring, piece).data(), values.data(), values.size_bytes());
    if (piece == 0) length(ring) = state.size(); // said by the count, as the values are
    count(pieces_put(ring), piece + 1);
    return true;
}

bool NodeRings::take(std::size_t ring, std::span<float> state, std::size_t piece) {
    if (in_this_exchange(pieces_put(ring)) <= piece) return false;
    VALIDATE(length(ring) == state.size(), ExitCode::failure, "a rank of this node sent a state of ", length(ring),
             " values where ", state.size(),
             " were expected (the states differ in length): run one build of the program on all ranks");
    const std::span<float> values = piece_of(state, piece, piece_length);
    copy_past_cache(slot(ring, piece).first(values.size()), values.data());
    count(pieces_taken(ring, rank_), piece + 1);
    return true;
}

} // namespace autosampling
