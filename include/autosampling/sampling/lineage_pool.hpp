// Uniform draws without replacement along the winning schedule (exploration.uniform = lineage): what it has not used in
// this epoch, so that the winning schedule is itself made of permutations.
//
// Letters: N training examples, K draws a cycle.
#pragma once

#include "autosampling/base/named_arrays.hpp"
#include "autosampling/base/random.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

// 8 bytes an index.
class LineagePool {
  public:
    explicit LineagePool(std::uint32_t training_images);

    // K indices for one member, random and without replacement from the unused ones; when they run out, all that are
    // left, then from all again. The slot is the place in `out`. Changes nothing.
    void draw(const RandomKey& key, std::span<std::uint32_t> out) const;
    // The survivor's draws, in order, are used from now on.
    void use(std::span<const std::uint32_t> indices);

    void save(NamedArrays& arrays) const;
    void load(const NamedArrays& arrays); // Throws Error(checkpoint).

  private:
    void index_places();

    std::vector<std::uint32_t> order_; // (N) unused first
    std::vector<std::uint32_t> place_; // (N) inverse
    std::uint32_t unused_;
};

} // namespace autosampling
