// How well a network does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace autosampling {

// Sums over examples; added in the order of the batches, so that equal lists give equal bits.
struct Score {
    Score() = default;
    explicit Score(std::size_t classes) : images_by_class(classes), correct_by_class(classes), loss_by_class(classes) {}

    std::int64_t images = 0;
    std::int64_t correct = 0;                                    // 0 in a regression, as the other numbers correct
    std::int64_t correct_top5 = 0;                               // 0 below 6 classes
    std::vector<std::int64_t> images_by_class, correct_by_class; // (classes), by given label
    std::vector<std::int64_t> loss_by_class;                     // (classes), sum in units of loss_unit
    double loss_sum = 0;                         // cross-entropy, without label smoothing, or squared error
    static constexpr double loss_unit = 0x1p-24; // whole numbers: their order doesn't matter

    // Adds another, of as many classes.
    void add(const Score& other);
};

} // namespace autosampling
