// By which states pass from one rank of a node to others of it: rings of pieces in memory that they share.
//
// Every copy is one of the processor's own, without the kernel and without a message; a piece is in its cache when the
// readers take it.
#pragma once

#include "autosampling/comm/node.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace autosampling {

// One exchange has up to `most` rings, each with one rank that puts a state into it, piece by piece, and others that
// take it. No call waits; ranks are the node's.
class NodeRings {
  public:
    static constexpr std::size_t most = 16;
    static constexpr std::size_t piece_length = std::size_t{1} << 18; // values: 1 MiB

    // Collective over `node`.
    explicit NodeRings(const Communicator& node);

    // Whether there is such memory: the node has several ranks and /dev/shm has room for 16 MiB.
    bool exist() const { return memory_.has_value(); }

    // A new exchange with so many rings.
    void begin(std::size_t rings);
    // This rank takes nothing any more of what is in them.
    void end();

    // Puts a piece of a state into a ring, the first one first, where its place is free: all of `readers` have taken
    // what was there. Returns whether it was.
    bool put(std::size_t ring, std::span<const float> state, std::size_t piece, std::span<const int> readers);
    // Takes the next piece, if it is there. Throws Error(failure) where the state has another length than `state`.
    bool take(std::size_t ring, std::span<float> state, std::size_t piece);

  private:
    using Count = std::uint64_t;

    // What the ranks tell each other, in the shared memory and zero at first. Pieces are counted with the number of the
    // exchange in the upper half, so that nothing has to be set back between two exchanges.
    Count& ended(int rank) const;          // the last exchange that a rank has ended
    Count& length(std::size_t ring) const; // values of the state
    Count& pieces_put(std::size_t ring) const;
    Count& pieces_taken(std::size_t ring, int rank) const;
    std::span<float> slot(std::size_t ring, std::size_t piece) const;

    std::size_t in_this_exchange(Count& pieces) const;
    void count(Count& pieces, std::size_t now) const;
    bool is_last_one_over() const;

    int rank_, ranks_;
    std::optional<SharedMemory> memory_;
    std::uint64_t exchange_ = 0;
    std::size_t slots_ = most; // of each ring
};

} // namespace autosampling
