// Draws with weights of their own in the loss of their batch.
#include "images.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace autosampling {
namespace {

constexpr auto no_change = [](std::span<const float>, std::span<float>) {};

// The state after one batch of 4 draws, with the losses that were met.
struct Step {
    std::vector<float> state, loss;
    double train_loss;
};

Step step(const Images& images, std::vector<std::uint32_t> index, std::vector<float> weight,
          std::function<void(std::span<const float>, std::span<float>)> reweigh = no_change) {
    Trainer trainer(trainer_options("mlp", 4), images.dataset, images.split);
    const CycleResult result =
        trainer.train({index, 0, {}, weight.empty() ? Weighting{} : Weighting{weight, std::move(reweigh)}});
    EXPECT_TRUE(result.finite);
    return {state_of(trainer), result.draw_loss, result.train_loss};
}

void expect_near(const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-6) << i;
}

TEST(Weighting, ones_make_the_step_without_weights) {
    const Images images(Images::small());
    const Step plain = step(images, {3, 8, 3, 11}, {}), weighted = step(images, {3, 8, 3, 11}, {1, 1, 1, 1});
    expect_near(weighted.state, plain.state);
    EXPECT_NEAR(weighted.train_loss, plain.train_loss, 1e-6);
}

TEST(Weighting, loss_of_a_batch_is_the_sum_of_weight_times_loss_over_its_size) {
    const Images images(Images::small());
    const Step twice = step(images, {3, 8, 3, 8}, {}), once = step(images, {3, 8, 20, 21}, {2, 2, 0, 0});
    expect_near(once.state, twice.state);
    EXPECT_NEAR(once.train_loss, twice.train_loss, 1e-6);
    EXPECT_GT(std::abs(step(images, {3, 8, 20, 21}, {2, 1, 0, 0}).train_loss - twice.train_loss), 1e-2);
}

TEST(Weighting, losses_are_given_draw_by_draw_before_the_step) {
    const Images images(Images::small());
    const Step weighted = step(images, {3, 8, 20, 21}, {1, 0, 3, 1}), plain = step(images, {3, 8, 20, 21}, {});
    EXPECT_EQ(weighted.loss, plain.loss);
    for (std::size_t i = 0; i < 4; ++i) {
        const std::uint32_t index = std::array{3U, 8U, 20U, 21U}[i];
        EXPECT_NEAR(plain.loss[i], step(images, {index, index, index, index}, {}).train_loss, 1e-5);
    }
}

TEST(Weighting, weights_may_be_chosen_by_the_losses_of_each_batch) {
    const Images images(Images::small());
    Trainer trainer(trainer_options("mlp", 4), images.dataset, images.split);
    const std::vector<std::uint32_t> index = first_indices(12);
    std::vector<float> weight(12, 1), seen;
    const auto keep_smallest = [&](std::span<const float> batch, std::span<float> out) {
        EXPECT_EQ(batch.size(), 4U);
        seen.insert(seen.end(), batch.begin(), batch.end());
        const auto smallest = std::min_element(batch.begin(), batch.end()) - batch.begin();
        std::fill(out.begin(), out.end(), 0.0F);
        out[static_cast<std::size_t>(smallest)] = 4;
    };
    const CycleResult result = trainer.train({index, 0, {}, {weight, keep_smallest}});
    const std::vector<float>& loss = result.draw_loss;
    EXPECT_EQ(seen, loss);
    double sum = 0;
    for (std::size_t first = 0; first < 12; first += 4) sum += *std::min_element(&loss[first], &loss[first] + 4);
    EXPECT_NEAR(result.train_loss, sum / 3, 1e-6);
    EXPECT_EQ(std::count(weight.begin(), weight.end(), 4.0F), 3);
    EXPECT_EQ(std::count(weight.begin(), weight.end(), 0.0F), 9);
}

} // namespace
} // namespace autosampling
