"""The laws of conv_parameters, for otter. Generated: change the course's own files instead."""

from otter.test_files import test_case

from autograder.laws.otter import check_law

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.laws import assert_equal, raises

OK_FORMAT = False
name = "conv_parameters"
points = [1, 0, 0]
all_or_nothing = True


FEW = settings(max_examples=12)  # every example is generic, and a wrong answer is wrong for nearly all of them


@pytest.mark.exercise("conv_parameters", points=1)
class TestConvParameters:
    @FEW
    @given(
        channels=st.tuples(st.integers(1, 6), st.integers(1, 6)),
        kernel_size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
        bias=st.booleans(),
        groups=st.integers(1, 4),
    )
    def test_torch(self, target, channels, kernel_size, bias, groups):
        """It is the number of parameters of torch's layer, for every legal setting."""
        inputs, outputs = channels[0] * groups, channels[1] * groups
        layer = torch.nn.Conv2d(inputs, outputs, kernel_size, bias=bias, groups=groups, device="meta")
        expected = sum(parameter.numel() for parameter in layer.parameters())
        assert_equal(target.conv_parameters(inputs, outputs, kernel_size, bias, groups), expected)

    def test_famous_layers(self, target):
        """Layers of famous networks, with the settings that are left out at their defaults."""
        assert_equal(target.conv_parameters(3, 64, (3, 3)), 1792)  # the first layer of VGG
        assert_equal(target.conv_parameters(3, 64, (7, 7), bias=False), 9408)  # the first layer of a ResNet
        assert_equal(target.conv_parameters(96, 256, (5, 5), groups=2), 307456)  # the second layer of AlexNet
        assert_equal(target.conv_parameters(32, 32, (3, 3), False, 32), 288)  # depthwise, as in MobileNet

    def test_errors(self, target):
        """Groups that do not divide the channels, of the input or of the output, are a ValueError."""
        for channels in ((4, 6), (6, 4)):
            with raises(ValueError, f"when 3 groups are to divide {channels} channels"):
                target.conv_parameters(*channels, (1, 1), groups=3)


@test_case(name="conv_parameters - test_torch", hidden=False)
def law_1(env):
    check_law(TestConvParameters, "test_torch", env)


@test_case(name="conv_parameters - test_famous_layers", hidden=False)
def law_2(env):
    check_law(TestConvParameters, "test_famous_layers", env)


@test_case(name="conv_parameters - test_errors", hidden=False)
def law_3(env):
    check_law(TestConvParameters, "test_errors", env)
