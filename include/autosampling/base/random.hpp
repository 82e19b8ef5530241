// Counter-based random numbers (Philox4x32-10; Salmon et al., SC 2011), so that every random number of a run is a pure
// function of (seed, purpose, member, cycle, attempt, slot) and none depends on the number of ranks.
#pragma once

#include <Random123/philox.h>

#include <cstdint>
#include <span>

namespace autosampling {

// What a random number is for. The values are part of the method's identity: never renumber.
enum class Purpose : std::uint8_t {
    split = 1,         // which training examples become the reward set
    imbalance = 2,     // which examples a thinned class keeps
    label_noise = 3,   // which labels are redrawn, and to what
    synthetic = 4,     // the images of the synthetic data set
    initial_state = 5, // the initial weights
    uniform = 6,       // the keyed permutations of the uniform streams
    learned = 7,       // draws from the learned distribution
    perturbation = 8,  // each member's factor for each index
    augmentation = 9,  // crop and flip
    reward_subset = 10,
    tournament = 11,
    hyper_parameter = 12,
    policy = 13,   // each member's perturbation of the policy's weights
    thinning = 14, // which indices of a permutation are kept
};

// Where in the run a random number belongs; what does not apply stays 0.
struct RandomKey {
    std::uint64_t seed = 0;
    Purpose purpose = Purpose::split;
    std::uint32_t member = 0;
    std::uint32_t cycle = 0;
    std::uint8_t attempt = 0;
};

// The first four numbers of a stream.
using RandomBlock = r123::Philox4x32::ctr_type;

// The sequence of random numbers at one slot of a key: at most 2^18 32-bit numbers. Cheap to make; made where needed.
class RandomStream {
  public:
    RandomStream(const RandomKey& key, std::uint32_t slot)
        : key_(philox_key(key)), counter_(philox_counter(key, slot)) {}
    // Where its first block is known already.
    RandomStream(const RandomKey& key, std::uint32_t slot, const RandomBlock& first) : RandomStream(key, slot) {
        block_ = first;
        ++counter_[3];
        left_ = 4;
    }

    // 32 uniform bits.
    std::uint32_t bits() {
        if (left_ == 0) {
            block_ = r123::Philox4x32{}(counter_, key_);
            ++counter_[3];
            left_ = 4;
        }
        return block_[4 - left_--];
    }

    // A whole number in [0, bound), unbiased (Lemire, ACM TOMACS 2019); bound ≥ 1.
    std::uint32_t below(std::uint32_t bound) {
        std::uint64_t product = std::uint64_t{bits()} * bound;
        if (static_cast<std::uint32_t>(product) < bound) {
            const std::uint32_t threshold = (0U - bound) % bound;
            while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{bits()} * bound;
        }
        return static_cast<std::uint32_t>(product >> 32);
    }

    // A real number in [0, 1) with 53 bits.
    double real() {
        const std::uint64_t high = bits() >> 5;
        const std::uint64_t low = bits() >> 6;
        return static_cast<double>(high << 26 | low) * 0x1p-53;
    }

    static r123::Philox4x32::key_type philox_key(const RandomKey& key) {
        return {{static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)}};
    }
    static r123::Philox4x32::ctr_type philox_counter(const RandomKey& key, std::uint32_t slot) {
        return {{slot, key.cycle, key.member,
                 static_cast<std::uint32_t>(key.purpose) << 24 | static_cast<std::uint32_t>(key.attempt) << 16}};
    }

  private:
    r123::Philox4x32::key_type key_;
    r123::Philox4x32::ctr_type counter_;
    RandomBlock block_{};
    unsigned left_ = 0;
};

// The first blocks of the streams at these slots (one each), made together: several times as fast as one by one.
void make_first_blocks(const RandomKey& key, std::span<const std::uint32_t> slots, std::span<RandomBlock> blocks);

} // namespace autosampling
