#include "images.hpp"

#include "autosampling/base/hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace autosampling {
namespace {

TEST(State, there_is_none_until_it_is_given_one) {
    EXPECT_FALSE(State());
    EXPECT_TRUE(State::unfilled(3, at::kCPU));
}

TEST(State, copies_of_a_handle_share_the_state_on_its_device) {
    const State state = State::from_host(std::vector<float>{1, 2, 3}, at::kCPU);
    EXPECT_EQ(State(state).memory().data(), state.memory().data());
    EXPECT_EQ(state.on_host().memory().data(), state.memory().data());
}

TEST(State, takes_the_memory_of_one_that_is_gone) {
    constexpr std::int64_t length = 54'321; // of no other test
    State first = State::unfilled(length, at::kCPU), second = State::unfilled(length, at::kCPU);
    const State shares_first(first);
    const void* const of_second = second.memory().data();
    EXPECT_NE(first.memory().data(), of_second);
    first = second = {};
    EXPECT_NE(State::unfilled(length + 1, at::kCPU).memory().data(), of_second);
    const State third = State::unfilled(length, at::kCPU), fourth = State::unfilled(length, at::kCPU);
    EXPECT_EQ(third.memory().data(), of_second);
    EXPECT_NE(fourth.memory().data(), of_second);
    EXPECT_NE(fourth.memory().data(), shares_first.memory().data());
}

TEST(State, hash_is_that_of_its_bytes) {
    const std::vector<float> values{1, -0.0F, 3};
    EXPECT_EQ(State::from_host(values, at::kCPU).hash(), hash_of(std::span(values)));
    EXPECT_NE(State::from_host(std::vector<float>{1, 0, 3}, at::kCPU).hash(), hash_of(std::span(values)));
}

TEST(State, of_a_trainer_stays_as_it_was_while_the_trainer_goes_on) {
    const Images images(Images::small());
    Trainer trainer(trainer_options("mlp", 20), images.dataset, images.split);
    const State start = trainer.copy_state();
    const std::vector<float> before = state_of(trainer);
    const auto indices = first_indices(40);
    trainer.train({indices, 0, {.seed = 1, .purpose = Purpose::augmentation}});
    EXPECT_NE(state_of(trainer), before);
    EXPECT_TRUE(std::ranges::equal(start.memory(), before));
    trainer.load(start);
    EXPECT_EQ(state_of(trainer), before);
    trainer.train({indices, 0, {.seed = 1, .purpose = Purpose::augmentation}});
    EXPECT_TRUE(std::ranges::equal(start.memory(), before)); // loading it copied it
}

} // namespace
} // namespace autosampling
